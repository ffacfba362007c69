// docs/api.md and docs/requests.http have every route of both APIs, and no other.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';

const ROUTE_FILES = [
  'command-api/http/assignment/assign-route.ts',
  'command-api/http/coupon/create-route.ts',
  'query-api/http/routes.ts',
  'http/health.ts',
];

/** Paths with every parameter and variable as {}. */
function normalized(path: string): string {
  return path.replace(/:\w+|\{[^}]*\}/g, '{}').replace(/\?.*$/, '');
}

/** Every path that an express router of the code is given. */
function pathsInCode(): string[] {
  const texts = ROUTE_FILES.map((file) => readFileSync(file, 'utf8'));
  return texts.flatMap((text) =>
    [...text.matchAll(/(?:\.route\(|serve\(|\bpath:)\s*'(\/[^']+)'/g)].map(([, path]) =>
      normalized(path ?? ''),
    ),
  );
}

describe('The documents of the APIs', () => {
  const paths = [...new Set(pathsInCode())];

  it('are compared with all routes', () => {
    expect(paths).to.have.length(8);
  });

  it('docs/api.md names each path', () => {
    const document = readFileSync('docs/api.md', 'utf8');
    const named = [...document.matchAll(/`(?:GET |POST )?(\/[^` ]+)/g)].map(([, path]) =>
      normalized(path ?? ''),
    );
    expect([...new Set(named)]).to.have.members(paths);
  });

  it('docs/requests.http has a request for each path', () => {
    const requests = readFileSync('docs/requests.http', 'utf8')
      // A user is given by name, everything else by a variable.
      .replaceAll('/users/ann/', '/users/{userId}/')
      .matchAll(/^(?:GET|POST) \{\{(?:command|query)_api\}\}(\/\S+)$/gm);
    const sent = [...requests].map(([, path]) =>
      normalized((path ?? '').replace(/\{\{[^}]*\}\}/g, '{}')),
    );
    expect([...new Set(sent)]).to.have.members(paths);
  });
});
