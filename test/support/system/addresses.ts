// Where the servers of this test run are; test/run.ts starts them and sets these values.

/** The address in an environment value; a test that needs a server cannot run without it. */
export function addressOf(
  name: 'KAFKA_BROKERS' | 'SCHEMA_REGISTRY_URL' | 'REDIS_URL' | 'MYSQL_URL' | 'MARIADB_URL',
): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run the tests through npm test, which starts the servers`);
  }
  return value;
}

/** What a command API of this test run is started with: topics and keys below `prefix`. */
export function commandApiVariables(prefix: string): Record<string, string> {
  return {
    KAFKA_BROKERS: addressOf('KAFKA_BROKERS'),
    SCHEMA_REGISTRY_URL: addressOf('SCHEMA_REGISTRY_URL'),
    REDIS_URL: addressOf('REDIS_URL'),
    TOPIC_PREFIX: prefix,
    REDIS_KEY_PREFIX: prefix,
    QUERY_API_URL: 'http://127.0.0.1:8081',
  };
}
