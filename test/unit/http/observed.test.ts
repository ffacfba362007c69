import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

describe('A request whose caller left before the answer', () => {
  it('is told apart in metrics and spans', async () => {
    const script = fileURLToPath(new URL('./observed-server.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    const { measured, spans } = JSON.parse(stdout);
    const request = { 'http.request.method': 'GET' };
    const expected = [
      { ...request, 'http.route': '/named/:name', 'http.response.status_code': 200 },
      { ...request, 'http.route': '/slow', 'http.response.status_code': 499 },
    ];
    expect(measured).to.deep.equal(expected);
    expect(spans).to.deep.equal([
      { ...expected[0], 'url.path': '/named/x' },
      { ...expected[1], 'url.path': '/slow' },
    ]);
  });
});
