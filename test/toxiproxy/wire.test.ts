import { describe, expect, it, onTestFinished } from 'vitest';
import { exchanges, replay } from '../support/fault-proxy.ts';
import { NEW, OLD, startReal } from './programs.ts';

describe.each([OLD, NEW])('Toxiproxy $version', (release) => {
  it('answers as recorded, and so as our fault proxy does: status, headers and text', async () => {
    const real = await startReal(release);
    onTestFinished(() => real.stop());
    for (const exchange of exchanges().filter(({ only = release.version }) => only === release.version)) {
      expect(await replay(real.apiUrl, exchange)).toEqual(exchange);
    }
  }, 300_000);
});
