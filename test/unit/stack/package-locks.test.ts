import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

type LockedPackage = { resolved?: string; integrity?: string; os?: string[]; cpu?: string[] };

function packagesOf(folder: string): [string, LockedPackage][] {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(packages).filter(([path]) => path !== '');
}

for (const folder of ['.', 'tooling/checks', 'tooling/node']) {
  describe(`The lock of ${folder}`, () => {
    it('names no registry, and the content of every package', () => {
      const faulty = packagesOf(folder).filter(
        ([, { resolved, integrity }]) => resolved !== undefined || integrity === undefined,
      );
      expect(faulty.map(([path]) => path)).to.deep.equal([]);
    });
  });
}

describe('The lock of the services', () => {
  // Where a registry lacks a build for one system, npm leaves it out of the lock, and npm ci then refuses.
  it('has no package that is built for some systems only', () => {
    const built = packagesOf('.').filter(
      ([, { os, cpu }]) => os !== undefined || cpu !== undefined,
    );
    expect(built.map(([path]) => path)).to.deep.equal([]);
  });
});
