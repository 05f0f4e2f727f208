import { afterAll, beforeAll, describe, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/fault-proxy.ts';
import { CASES, play } from '../support/toxic-cases.ts';
import { NEW, OLD, startReal } from './programs.ts';

describe.each([
  { name: 'Toxiproxy 2.1.4', start: () => startReal(OLD) },
  { name: 'Toxiproxy 2.12', start: () => startReal(NEW) },
  { name: 'our fault proxy', start: () => startProxy() },
])('$name', ({ name, start }) => {
  let server: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    server = await start();
  }, 300_000);
  afterAll(() => server?.stop());
  const isReal = name.startsWith('Toxiproxy');
  // 2.1.4 has no reset_peer.
  const known = CASES.filter((one) => name !== 'Toxiproxy 2.1.4' || !one.name.startsWith('reset_peer'));

  it.each(known)('$name', async (one) => {
    await eventually(() => play(server.apiUrl, isReal ? { ...one, ...one.real } : one));
  });
});
