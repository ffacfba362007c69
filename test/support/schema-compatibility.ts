// Whether versions of a record read each other, by Avro's own resolution rules.
import avro from 'avsc';
import type { RecordSchema } from '../../platform/avro-schemas.ts';

/**
 * Why `reader` can't read what `writer` wrote; null when it can. Beside the schemas' resolution it
 * carries random records over, so that a resolver that lies is found, too.
 */
export function whyUnreadable(writer: RecordSchema, reader: RecordSchema): string | null {
  try {
    const writerType = typeOf(writer);
    const readerType = typeOf(reader);
    const resolver = readerType.createResolver(writerType);
    for (let i = 0; i < 20; i += 1) {
      const bytes = writerType.toBuffer(writerType.random());
      readerType.toBuffer(readerType.fromBuffer(bytes, resolver));
    }
    return null;
  } catch (error) {
    return String(error);
  }
}

function typeOf(schema: RecordSchema): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema);
}
