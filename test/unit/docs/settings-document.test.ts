// docs/settings.md, .env.example and the code say the same of every setting.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { formatEnvExample, readDocumentedSettings } from './env-example.ts';

const SERVICES = ['command-api', 'projector', 'query-api'];

/** Readers of settings that may be missing. */
const OPTIONAL = ['optional', 'secret', 'file', 'optionalHosts'];

type SettingInCode = { services: Set<string>; reader: string; fallback: string | undefined };

/** Settings by name, as the services read them. */
function settingsInCode(): Map<string, SettingInCode> {
  const settings = new Map<string, SettingInCode>();
  for (const service of SERVICES) {
    const own = readFileSync(`${service}/settings.ts`, 'utf8');
    const shared = own.matchAll(/from '\.\.\/(platform\/connections\/[\w-]+\.ts)'/g);
    const files = [`${service}/settings.ts`, 'platform/telemetry.ts'];
    for (const file of [...files, ...[...shared].map(([, path = '']) => path)]) {
      const reads = readFileSync(file, 'utf8').matchAll(
        /read\s*\.(\w+)\(\s*'([A-Z_]+)'(?:,\s*('[^']*'|[\d_ *]+))?/g,
      );
      for (const [, reader = '', name = '', fallback] of reads) {
        const known = settings.get(name) ?? { services: new Set(), reader, fallback };
        known.services.add(service);
        settings.set(name, known);
      }
    }
  }
  return settings;
}

/** A default of the code as the table writes it. */
function fallbackText({ reader, fallback }: SettingInCode): string {
  if (OPTIONAL.includes(reader)) return 'none';
  if (fallback === undefined || ['url', 'address'].includes(reader)) return 'required';
  if (fallback === `''`) return 'empty';
  if (fallback.startsWith(`'`)) return `\`${fallback.slice(1, -1)}\``;
  const factors = fallback.split('*').map((factor) => Number(factor.replaceAll('_', '')));
  return String(factors.reduce((product, factor) => product * factor, 1));
}

describe('docs/settings.md', () => {
  it('lists every setting with the services that read it, and no other', () => {
    expect(
      new Map(readDocumentedSettings().map(({ name, services }) => [name, new Set(services)])),
    ).to.deep.equal(new Map([...settingsInCode()].map(([name, { services }]) => [name, services])));
  });

  it('names the default of each, or an example of what is required', () => {
    const inCode = settingsInCode();
    for (const { name, fallback } of readDocumentedSettings()) {
      const setting = inCode.get(name);
      if (setting === undefined) continue;
      expect(fallback.replace(/^required, as `.+`$/, 'required'), name).to.equal(
        fallbackText(setting),
      );
    }
  });
});

describe('.env.example', () => {
  it('is what docs/settings.md says: npm run env-example writes it', () => {
    expect(readFileSync('.env.example', 'utf8')).to.equal(
      formatEnvExample(readDocumentedSettings()),
    );
  });
});
