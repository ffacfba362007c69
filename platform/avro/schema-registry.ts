// Look-ups in a Confluent-compatible schema registry, with its failures told apart.
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import avro from 'avsc';
import type { RegistrySettings } from '../connections/registry-settings.ts';
import { AppError, messageOf } from '../errors.ts';
import { fullNameOf, type RecordSchema } from './avro-schemas.ts';
import { registryAgent, registryHeaders } from './registry-request.ts';

const REQUEST_TIMEOUT_MS = 3_000;
const NOT_FOUND = 404;

/** Read-only questions to the registry. Every failed call throws an AppError. */
export type SchemaLookUp = {
  /**
   * The id under which exactly this schema is registered for the subject.
   * @throws AppError SCHEMA_UNKNOWN (not retriable), REGISTRY_UNAVAILABLE (retriable)
   */
  idOf(subject: string, schema: RecordSchema): Promise<number>;
  /**
   * The Avro type that was written under this id.
   * @throws AppError SCHEMA_UNKNOWN, RECORD_UNREADABLE: not Avro (neither retriable),
   * REGISTRY_UNAVAILABLE (retriable)
   */
  typeOf(schemaId: number): Promise<avro.Type>;
};

/** The registry's client, with a time limit and few retries on every call. */
export function createRegistryClient(registry: RegistrySettings): SchemaRegistry {
  const headers = registryHeaders(registry);
  return new SchemaRegistry({
    host: registry.url.replace(/\/+$/, ''),
    agent: registryAgent(registry),
    retry: { retries: 2, initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 1 },
    middlewares: [
      () => ({
        prepareRequest: async (next) =>
          (await next()).enhance({ timeout: REQUEST_TIMEOUT_MS, headers }),
      }),
    ],
  });
}

/** The two look-ups in a registry. */
export function createSchemaLookUp(settings: RegistrySettings): SchemaLookUp {
  const registry = createRegistryClient(settings);
  return {
    idOf: async (subject, schema) => {
      try {
        return await registry.getRegistryIdBySchema(subject, asAvro(schema));
      } catch (cause) {
        if (!isNotRegistered(cause)) throw unavailable(cause);
        throw new AppError(
          'SCHEMA_UNKNOWN',
          `${fullNameOf(schema)} is not registered under ${subject}: run npm run migrate`,
          { cause, retriable: false },
        );
      }
    },
    typeOf: async (schemaId) => {
      try {
        // Parsed anew: other kinds of schemas come back as objects that only look like a type.
        return avro.Type.forSchema(
          JSON.parse(JSON.stringify(await registry.getSchema(schemaId))) as avro.Schema,
        );
      } catch (cause) {
        const status = statusOf(cause);
        if (status === NOT_FOUND) {
          throw new AppError('SCHEMA_UNKNOWN', `the registry has no schema ${schemaId}`, {
            cause,
            retriable: false,
          });
        }
        if (status !== null) throw unavailable(cause);
        throw new AppError('RECORD_UNREADABLE', `schema ${schemaId} is not usable Avro`, {
          cause,
          retriable: false,
        });
      }
    },
  };
}

/** A schema as the registry's client takes it, without its own naming rules. */
export function asAvro(schema: RecordSchema): { type: SchemaType.AVRO; schema: string } {
  return { type: SchemaType.AVRO, schema: JSON.stringify(schema) };
}

// For a 404 to this one question the client throws an error of its own, without the status.
function isNotRegistered(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConfluentSchemaRegistryError';
}

// The client gives refused and lost connections status 400; only a 404 says that the registry looked.
function statusOf(error: unknown): number | null {
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === 'number' ? status : null;
}

function unavailable(cause: unknown): AppError {
  return new AppError('REGISTRY_UNAVAILABLE', `the registry did not answer: ${messageOf(cause)}`, {
    cause,
    retriable: true,
  });
}
