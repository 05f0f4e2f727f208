import { createSchedule, type ScheduleSettings } from '../../../server/probing/schedule.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export const SAMPLE: Sample = {
  ...{ atMs: 0, outcome: 'ok', phase: null, connectUs: 1, firstByteUs: 1, totalUs: 2 },
  ...{ starvedUs: 0, suspect: false, bootTimeMs: 0, statusCode: 200, detail: '' },
};

export function target(uid: string, address = '10.0.0.1'): Target {
  const pod = { uid, name: uid, namespace: 'default', node: 'n', hostIP: '', podIP: address };
  return { ...pod, id: `${uid}/4`, family: 4, address, port: 8080 };
}

export const targets = (count: number) => Array.from({ length: count }, (_, i) => target(`u${i}`));

/** Numbers that look random and are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface Start {
  id: string;
  atMs: number;
}

/** A schedule whose probes take `probeMs`, and a record of what it did. */
export function scene(settings: Partial<ScheduleSettings> = {}, probeMs = 1, seed = 7) {
  const clock = new FakeClock();
  const starts: Start[] = [];
  const samples: string[] = [];
  const running = new Map<string, number>();
  let overlaps = 0;
  const probe = (to: Target) => {
    starts.push({ id: to.id, atMs: clock.monotonicMs() });
    const now = (running.get(to.id) ?? 0) + 1;
    running.set(to.id, now);
    if (now > 1) overlaps += 1;
    return new Promise<Sample>((resolve) => {
      clock.setTimer(() => {
        running.set(to.id, (running.get(to.id) ?? 0) - 1);
        resolve(SAMPLE);
      }, probeMs);
    });
  };
  const all = { intervalMs: 1000, jitterFactor: 0.05, ...settings };
  const schedule = createSchedule(all, { clock, random: seeded(seed), probe }, (to) => samples.push(to.uid));
  const startMs = clock.monotonicMs();
  return { clock, schedule, starts, samples, startMs, overlaps: () => overlaps };
}

/** Starts of each target in order. */
export function byTarget(starts: Start[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { id, atMs } of starts) times.set(id, [...(times.get(id) ?? []), atMs]);
  return times;
}

/** Distances between neighbours. */
export const gaps = (times: number[]) => times.slice(1).map((time, i) => time - (times[i] ?? 0));
