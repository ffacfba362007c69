// .env.example, made from docs/settings.md: `npm run env-example` writes it, a test compares it.
import { readFileSync, writeFileSync } from 'node:fs';

const HEADER = `# Every setting of the three services, made from docs/settings.md by: npm run env-example
# A service reads those that are its own: node --env-file=.env command-api/main.ts
# Each process needs an HTTP_PORT of its own.
`;

/** One row of the table in docs/settings.md. */
export type DocumentedSetting = {
  name: string;
  /** Names of services. */
  services: string[];
  /** As the table has it: "none", "empty", a value, or "required, as `…`". */
  fallback: string;
  meaning: string;
};

/** The rows of the table in docs/settings.md. */
export function readDocumentedSettings(): DocumentedSetting[] {
  const document = readFileSync('docs/settings.md', 'utf8');
  const rows = document.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \| (.+) \|$/gm);
  return [...rows].map(([, name = '', services = '', fallback = '', meaning = '']) => ({
    name,
    services: services === 'all' ? ['command-api', 'projector', 'query-api'] : services.split(', '),
    fallback,
    meaning,
  }));
}

/** The text of .env.example: what is required with an example, what has a default as a comment. */
export function formatEnvExample(settings: readonly DocumentedSetting[]): string {
  const blocks = settings.map(({ name, services, fallback, meaning }) => {
    const example = /^required, as `(.*)`$/.exec(fallback)?.[1];
    const value = ['none', 'empty'].includes(fallback) ? '' : fallback.replaceAll('`', '');
    const line = example === undefined ? `# ${name}=${value}` : `${name}=${example}`;
    return `\n# ${services.join(', ')}: ${meaning.replaceAll('`', '')}\n${line}\n`;
  });
  return `${HEADER}${blocks.join('')}`;
}

if (import.meta.main) writeFileSync('.env.example', formatEnvExample(readDocumentedSettings()));
