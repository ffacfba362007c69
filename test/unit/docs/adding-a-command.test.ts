// docs/adding-a-command.md and the code say the same of where a command is known.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const TEXT = readFileSync('docs/adding-a-command.md', 'utf8');

/** The product files whose name or code, comments apart, names the command `assign`. */
function filesThatKnowAssign(): string[] {
  return ['command-api', 'domain', 'contracts']
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => /\.(?:ts|lua)$/.test(file))
    .filter((file) => /assign(?!ment)/i.test(file + codeOf(file)));
}

function codeOf(file: string): string {
  const text = readFileSync(file, 'utf8');
  return file.endsWith('.lua')
    ? text.replaceAll(/--\[\[.*?\]\]/gs, '').replaceAll(/--.*$/gm, '')
    : text.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

describe('docs/adding-a-command.md', () => {
  it('lists exactly the product files that know the command `assign`', () => {
    const section = TEXT.split('## ').find((part) => part.startsWith('The files'));
    const rows = [...(section ?? '').matchAll(/^\| `([\w/.-]+)` \|/gm)].map(([, path]) => path);
    expect(rows).to.have.members(filesThatKnowAssign());
    expect(TEXT).to.contain(`${rows.length} product files`);
  });

  it('names only files that exist', () => {
    for (const [, path = ''] of TEXT.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.\w+)`/g)) {
      expect(existsSync(path), path).to.equal(true);
    }
  });
});
