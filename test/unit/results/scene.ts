import type { LinkChange, LossChange, SpeedChange } from '../../../server/protocol/link-state.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { COPY_SHARE, History, type ResultsSettings } from '../../../server/results/history.ts';
import { Results } from '../../../server/results/results.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { sampleOf, targetOf } from '../../support/samples.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** With this `sampleBytes` only the last 8 samples of a link are kept as they are, so that buckets stand for the others. */
export const EIGHT_SAMPLES = 15 * 16 * 8;

/** How much is kept; by default that of an hour, 1 MiB for samples and 1 MiB for buckets. */
interface Memory {
  sampleBytes?: number;
  bucketBytes?: number;
  windowMs?: number;
  intervalMs?: number;
  udpEnabled?: boolean;
}

function settingsOf({
  sampleBytes = 1 << 20,
  bucketBytes = 1 << 20,
  windowMs = HOUR,
  intervalMs = 2 * SECOND,
  udpEnabled = false,
}: Memory): ResultsSettings {
  return {
    resultsMemoryMiB: sampleBytes / 2 ** 20,
    historyMemoryMiB: bucketBytes / 2 ** 20 / (1 - COPY_SHARE),
    historyWindowMs: windowMs,
    refreshIntervalMs: intervalMs,
    goneRetentionMs: 5 * MINUTE,
    slowLinkMs: 100,
    udpEnabled,
  };
}

/** A history of links that get a sample a second. */
export function historyWith(memory: Memory = {}): History {
  return new History(settingsOf({ intervalMs: SECOND, ...memory }));
}

/** Results with a fake clock. */
export function scene(memory: Memory = {}) {
  const { intervalMs = 2 * SECOND } = memory;
  const clock = new FakeClock();
  const changes: LinkChange[] = [];
  const speedChanges: SpeedChange[] = [];
  const lossChanges: LossChange[] = [];
  const results = new Results(settingsOf(memory), clock, {
    onLinkChange: (change) => changes.push(change),
    onSpeedChange: (change) => speedChanges.push(change),
    onLossChange: (change) => lossChanges.push(change),
  });
  let uids: string[] = [];
  /** Sets the pods that are probed. */
  const probe = (...names: string[]) => {
    uids = names;
    results.setTargets(names.map((uid) => targetOf(uid)));
  };
  /** Lets time pass, with a sample of each probed pod every `intervalMs`. */
  const pass = (ms: number, sample: (uid: string) => Sample = () => sampleOf()) => {
    for (let left = ms; left > 0; left -= intervalMs) {
      clock.freeze(intervalMs);
      for (const uid of uids) results.record(targetOf(uid), sample(uid));
    }
  };
  return {
    clock,
    results,
    changes,
    speedChanges,
    lossChanges,
    probe,
    pass,
    changeNames: () => changes.map(({ from, to }) => `${from}>${to}`),
  };
}
