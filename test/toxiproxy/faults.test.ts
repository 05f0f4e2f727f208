import { afterAll, beforeAll, describe, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { CASES, play } from '../support/toxic-cases.ts';
import { NEW, OLD, type RealServer, startReal } from './programs.ts';

// `npm run test:integration` plays the same with our fault proxy.
describe.each([OLD, NEW])('Toxiproxy $version', (release) => {
  let server: RealServer;
  beforeAll(async () => {
    server = await startReal(release);
  }, 300_000);
  afterAll(() => server?.stop());
  // 2.1.4 has no reset_peer.
  const known = CASES.filter((one) => release !== OLD || !one.name.startsWith('reset_peer'));

  it.each(known)('$name', async (one) => {
    await eventually(() => play(server.apiUrl, { ...one, ...one.real }));
  });
});
