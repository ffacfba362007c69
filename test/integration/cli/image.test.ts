// The image of compose/Dockerfile, without an engine: its folders alone, and what can be run there.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import { SUBCOMMANDS } from '../../../cli/subcommands.ts';

const DOCKERFILE = readFileSync('compose/Dockerfile', 'utf8');
const COMPOSE = readFileSync('compose/compose.yaml', 'utf8');
const FOLDERS = [...DOCKERFILE.matchAll(/^COPY ([\w-]+) \1$/gm)].map(([, name]) => name ?? '');
const LINK = /ln -s \/app\/(\S+) \/usr\/local\/bin\/firstcome/.exec(DOCKERFILE)?.[1] ?? '';

describe('the image', function () {
  this.timeout(60_000);
  let app: string;

  before(() => {
    app = mkdtempSync(join(tmpdir(), 'firstcome-image-'));
    for (const folder of FOLDERS) cpSync(folder, join(app, folder), { recursive: true });
    cpSync('package.json', join(app, 'package.json'));
    symlinkSync(resolve('node_modules'), join(app, 'node_modules'));
    // As the Dockerfile does, so that the command is found by its name.
    symlinkSync(join(app, LINK), join(app, 'firstcome'));
  });
  after(() => rmSync(app, { recursive: true }));

  const run = (...args: string[]) =>
    spawnSync(join(app, 'firstcome'), args, {
      cwd: tmpdir(),
      encoding: 'utf8',
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
    });

  it('takes the folders that its .dockerignore lets through, and no other', () => {
    const ignore = readFileSync('compose/Dockerfile.dockerignore', 'utf8');
    const kept = [...ignore.matchAll(/^!([\w-]+)$/gm)].map(([, name]) => name);
    expect(kept).to.have.members(FOLDERS);
    expect(FOLDERS).to.include.members(['cli', 'admin', 'command-api', 'projector', 'query-api']);
  });

  for (const { name, needs = [] } of SUBCOMMANDS) {
    const isThere = needs.every((folder) => FOLDERS.includes(folder));
    it(`${isThere ? 'can run' : 'plainly says that it lacks'} firstcome ${name}`, () => {
      const { status, stdout, stderr } = run(name, '--help');
      if (isThere) {
        expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
        expect(stdout).to.contain(`Usage: firstcome ${name} `);
      } else {
        expect({ status, stdout }).to.deep.equal({ status: 1, stdout: '' });
        expect(stderr).to.match(/ is not part of this installation: it lacks [\w/ ]+; run it from/);
      }
    });
  }

  it('shows the help and the version', () => {
    expect(run('--help')).to.include({ status: 0, stderr: '' });
    expect(run('--version')).to.include({ status: 0, stderr: '' });
  });

  it('is started by compose with files and subcommands that it holds', () => {
    const commands = [...COMPOSE.matchAll(/^ {4}command: (\["(?:node|firstcome)".*\])$/gm)].map(
      ([, list]) => JSON.parse(list ?? '') as string[],
    );
    expect(commands).to.have.length(5);
    for (const [program = '', first = ''] of commands) {
      if (program === 'firstcome') expect(SUBCOMMANDS.map(({ name }) => name)).to.include(first);
      else expect(() => readFileSync(join(app, first)), first).not.to.throw();
    }
  });
});
