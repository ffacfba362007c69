// Look-ups where the pins of the log go before the registry: an id that stands in the log means what it meant
// when it was written, whatever a registry that was lost and filled anew says of it.
import type avro from 'avsc';
import { AppError } from '../errors.ts';
import { fullNameOf } from './avro-schemas.ts';
import { avroTypeOf, type ReadSchemaPins, type SchemaPin, typesOfPins } from './schema-pins.ts';
import type { SchemaLookUp } from './schema-registry.ts';

export type PinnedLookUp = SchemaLookUp & {
  /** Was this id pinned when the pins were last read? Then its events are ours, whoever wrote them. */
  isPinned(schemaId: number): boolean;
  /** Reads the pins anew. @throws AppError KAFKA_UNAVAILABLE (retriable) */
  readPins(): Promise<ReadonlyMap<number, avro.Type>>;
};

/**
 * Reads the pins, and again whenever an id is not among them.
 * @throws AppError KAFKA_UNAVAILABLE (retriable)
 */
export async function createPinnedLookUp(
  registry: SchemaLookUp,
  read: ReadSchemaPins,
): Promise<PinnedLookUp> {
  let pins: SchemaPin[] = [];
  let types = new Map<number, avro.Type>();
  const readPins = async (): Promise<ReadonlyMap<number, avro.Type>> => {
    const found = await read();
    // Nobody takes a pin back: fewer come of a broker that does not know the topic, or no longer shows it.
    if (found.length < pins.length) {
      const reason = `of ${pins.length} pins of schemas ${found.length} are left`;
      throw new AppError('KAFKA_UNAVAILABLE', reason, { retriable: true });
    }
    pins = found;
    types = typesOfPins(pins);
    return types;
  };
  await readPins();
  return {
    isPinned: (schemaId) => types.has(schemaId),
    readPins,
    idOf: async (subject, schema) => {
      const own = avroTypeOf(JSON.stringify(schema));
      const found = pins.findLast(
        (pin) => pin.subject === subject && types.get(pin.schemaId)?.equals(own) === true,
      );
      if (found !== undefined) return found.schemaId;
      throw new AppError(
        'SCHEMA_UNKNOWN',
        `${fullNameOf(schema)} is not pinned in the log for ${subject}: run npm run migrate`,
        { retriable: false },
      );
    },
    typeOf: async (schemaId) =>
      types.get(schemaId) ?? (await readPins()).get(schemaId) ?? registry.typeOf(schemaId),
  };
}
