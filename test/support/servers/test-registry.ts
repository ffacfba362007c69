// Plain requests to the real registry, to put there what the product never would.
import { addressOf } from '../system/addresses.ts';

const JSON_HEADERS = { 'Content-Type': 'application/vnd.schemaregistry.v1+json' };

/** Registers any schema text under a subject. @returns its id */
export async function registerAnything(
  subject: string,
  schema: object,
  schemaType: 'AVRO' | 'JSON' = 'AVRO',
  registryUrl = addressOf('SCHEMA_REGISTRY_URL'),
): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify({ schemaType, schema: JSON.stringify(schema) }),
  });
  const answer = (await response.json()) as { id?: number };
  if (answer.id === undefined) throw new Error(`not registered: ${JSON.stringify(answer)}`);
  return answer.id;
}
