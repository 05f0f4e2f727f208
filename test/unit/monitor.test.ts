import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../server/config/config.ts';
import { nothingKnown } from '../../server/discovery/status.ts';
import { Monitor } from '../../server/monitor.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { podOf } from '../support/mesh.ts';

/** A pod's view of its peers, with these settings. */
function start(env: Record<string, string>) {
  const result = readConfig('1.2.3', [], env);
  if (result.kind !== 'run') throw new Error(JSON.stringify(result));
  const clock = new FakeClock();
  const silent = () => {};
  const known = nothingKnown({ namespace: 'default', labelSelector: '' }, clock.nowMs());
  const hooks = {
    discoveryStatus: () => known.status,
    onSample: silent,
    onLinkChange: silent,
    onExternalResult: silent,
  };
  const deps = { clock, random: () => 0.5, version: '1.2.3', idleMs: () => 0 };
  const view = new Monitor(result.config, deps, clock.nowMs(), hooks);
  onTestFinished(() => view.stop());
  return { view, clock, setPods: (...pods: Pod[]) => view.setPods({ ...known, pods }) };
}

/** A peer whose probes end at once, without any network: it has no address in the family that is pinged. */
const PEER = podOf(1, { podIPs: ['fd00::1'] });
/** Five rounds of a second with their jitter, the ping's deadline and ten seconds. */
const LONGEST_MS = 5 * 1_050 + 300 + 10_000;

it('a pod with targets is not alive once no ping has ended for long, and alive again with the next ping that ends', async () => {
  const { view, clock, setPods } = start({ REFRESH_INTERVAL: '1' });
  // An hour without targets is no failure, and does not count once the first target comes.
  clock.freeze(3_600_000);
  expect(view.livenessFailure()).toBe('');
  setPods(PEER);
  clock.freeze(LONGEST_MS);
  expect(view.livenessFailure()).toBe('');
  clock.freeze(1);
  expect(view.livenessFailure()).toBe('no ping has ended for 16 s');
  await clock.advance(2_000);
  expect(view.livenessFailure()).toBe('');
  clock.freeze(3_600_000);
  setPods();
  expect(view.livenessFailure()).toBe('');
});

it('a pod that pings nobody is always alive', () => {
  const { view, clock, setPods } = start({ REFRESH_INTERVAL: '0' });
  setPods(PEER);
  clock.freeze(3_600_000);
  expect(view.livenessFailure()).toBe('');
});
