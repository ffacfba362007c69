// What tools ask of the registry and its client library can't: lists, versions, compatibility.
import type { RecordSchema } from '../../platform/avro/avro-schemas.ts';
import {
  createRegistrySender,
  type RegistryRequest,
  type SendToRegistry,
} from '../../platform/avro/registry-request.ts';
import type { RegistrySettings } from '../../platform/connections/registry-settings.ts';
import { AppError, messageOf } from '../../platform/errors.ts';

const TIMEOUT_MS = 10_000;

/** One version of a subject: its schema id, and the schema as text. */
export type SubjectVersion = { subject: string; version: number; id: number; schema: string };

export type RegistryApi = {
  /** All subjects, sorted. */
  subjects(): Promise<string[]>;
  /** The versions of a subject, oldest first; null when there is no such subject. */
  versions(subject: string): Promise<number[] | null>;
  version(subject: string, version: number): Promise<SubjectVersion | null>;
  /** The text of the schema under an id; null when there is none. */
  schemaOf(schemaId: number): Promise<string | null>;
  /** Every subject and version that a schema id stands for. */
  versionsOf(schemaId: number): Promise<{ subject: string; version: number }[]>;
  /** The version that is exactly this schema; null when none is. */
  find(subject: string, schema: RecordSchema): Promise<{ id: number; version: number } | null>;
  /** The compatibility level of the subject itself; null when it has none of its own. */
  levelOf(subject: string): Promise<string | null>;
  setLevel(subject: string, level: string): Promise<void>;
  /** Could the schema be registered beside `version`, by the subject's level? */
  isCompatible(subject: string, version: number, schema: RecordSchema): Promise<boolean>;
};

/**
 * Calls on a Confluent-compatible API. Every call that fails for another reason
 * than "not there" throws AppError REGISTRY_UNAVAILABLE with the registry's reason.
 */
export function createRegistryApi(registry: RegistrySettings): RegistryApi {
  const send = createRegistrySender(registry, TIMEOUT_MS);
  const ask = <T>(method: string, path: string, body?: object): Promise<T | null> =>
    requestJson<T>(send, { method, path, body });
  const at = (subject: string): string => `/subjects/${encodeURIComponent(subject)}`;
  const asBody = (schema: RecordSchema): object => ({ schema: JSON.stringify(schema) });
  return {
    subjects: async () => ((await ask<string[]>('GET', '/subjects')) ?? []).sort(),
    versions: (subject) => ask('GET', `${at(subject)}/versions`),
    version: (subject, version) => ask('GET', `${at(subject)}/versions/${version}`),
    schemaOf: async (schemaId) =>
      (await ask<{ schema: string }>('GET', `/schemas/ids/${schemaId}`))?.schema ?? null,
    versionsOf: async (schemaId) => (await ask('GET', `/schemas/ids/${schemaId}/versions`)) ?? [],
    find: (subject, schema) => ask('POST', at(subject), asBody(schema)),
    levelOf: async (subject) => {
      const config = await ask<{ compatibilityLevel: string }>(
        'GET',
        `/config/${encodeURIComponent(subject)}`,
      );
      return config?.compatibilityLevel ?? null;
    },
    setLevel: async (subject, level) => {
      await ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level });
    },
    isCompatible: async (subject, version, schema) => {
      const answer = await ask<{ is_compatible: boolean }>(
        'POST',
        `/compatibility${at(subject)}/versions/${version}`,
        asBody(schema),
      );
      return answer?.is_compatible ?? true;
    },
  };
}

/** @returns null for 404 */
async function requestJson<T>(send: SendToRegistry, request: RegistryRequest): Promise<T | null> {
  try {
    const { status, text } = await send(request);
    if (status === 404) return null;
    if (status < 200 || status > 299) {
      throw new Error(`${request.method} ${request.path}: ${status} ${text}`);
    }
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new AppError('REGISTRY_UNAVAILABLE', `the registry did not answer: ${reasonOf(cause)}`, {
      cause,
      retriable: true,
    });
  }
}

// A refused connection to a name with two addresses has a code, but no message.
function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return messageOf(error) || String(code);
}
