import { type LinkChange, Results } from '../../../server/results/results.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export function scene(maxBytes = 1 << 20) {
  const clock = new FakeClock();
  const changes: LinkChange[] = [];
  const history = { maxBytes: 1 << 20, windowMs: 3_600_000, intervalMs: 2_000 };
  const settings = { maxBytes, goneRetentionMs: 300_000, history, slowLinkMs: 100 };
  const results = new Results(settings, { clock }, { onLinkChange: (change) => changes.push(change) });
  return { clock, results, changes, said: () => changes.map(({ from, to }) => `${from}>${to}`) };
}
