import { describe, expect, it, test } from 'vitest';
import { Collector, FINDINGS_WINDOW_MS } from '../../../server/peers/collector.ts';
import { PastMeshes } from '../../../server/peers/past-meshes.ts';
import type { AgeRange } from '../../../server/protocol/history.ts';
import { FLAG_NOT_YET, outcomeOf } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { PodReport } from '../../../server/protocol/pod-report.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import type { Results } from '../../../server/results/results.ts';
import {
  collectDepsOf,
  lifetimesOf,
  missingOf,
  resultOf,
  resultsOf,
  resultsSettingsOf,
} from '../../support/collecting.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS, podOf, reportOf, settingsOf, snapshotOf } from '../../support/mesh.ts';
import { refusedSample, sampleOf, targetOf } from '../../support/samples.ts';

const INTERVAL_MS = 2_000;
const COUNT = 6;
const timeout = (change: Partial<Sample> = {}) =>
  sampleOf({ outcome: 'timeout', phase: 'connect', connectUs: -1, firstByteUs: -1, totalUs: 300_000, ...change });
const late = () => sampleOf({ firstByteUs: 150_000, totalUs: 150_000 });

/** What a ping from one pod to another sees in round `n` of a fault; null = the link is not affected. */
type Fault = (from: number, to: number, n: number) => Sample | null;

const into = (pod: number, sample: (n: number) => Sample | null): Fault => {
  return (from, to, n) => (to === pod && from !== pod ? sample(n) : null);
};
const link = (source: number, destination: number, sample: (n: number) => Sample | null): Fault => {
  return (from, to, n) => (from === source && to === destination ? sample(n) : null);
};

/** Two pods on each of three nodes. */
const PODS = Array.from({ length: COUNT }, (_, n) =>
  podOf(n, { node: `node-${n >> 1}`, zone: n < 4 ? 'east' : 'west' }),
);

const FAULTS: Record<string, Fault> = {
  'a pod that refuses': into(3, () => refusedSample()),
  'a pod that times out, while its own pings succeed': into(3, () => timeout()),
  'a node that is cut off': (from, to) => ((from >> 1 === 1) !== (to >> 1 === 1) ? timeout() : null),
  'a zone that is cut off': (from, to) => (from < 4 !== to < 4 ? timeout() : null),
  'one direction of a link': link(1, 4, () => timeout()),
  'a link that loses every third ping': link(1, 4, (n) => (n % 3 === 0 ? timeout() : null)),
  'a pod into which every third ping is lost': (from, to, n) =>
    to === 2 && from !== 2 && (n + from) % 3 === 0 ? timeout() : null,
  'a slow link': link(2, 5, late),
  'a slow pod': into(1, late),
  'a slow pod, some of whose answers come too late': (from, to, n) =>
    to === 1 && from !== 1 ? ((n + from) % 5 === 0 ? timeout({ phase: 'first-byte', connectUs: 150 }) : late()) : null,
  'one slow ping': link(2, 5, (n) => (n === 1 ? late() : null)),
  'one lost ping': link(2, 5, (n) => (n === 1 ? timeout() : null)),
  'new connections alone': into(0, (n) => (n % 2 === 0 ? timeout({ failsOnly: 'new' }) : null)),
  'open connections alone': into(0, (n) => (n < 1 ? timeout({ phase: 'first-byte', failsOnly: 'open' }) : null)),
  'suspect failures': link(2, 5, (n) => (n < 2 ? timeout({ suspect: true }) : null)),
  'suspect failures that do not end': link(2, 5, () => timeout({ suspect: true })),
};

/** Faults of which nothing is told, live or later. */
const UNTOLD = new Set(['one slow ping', 'suspect failures']);

/** Pods that measure, as their own processes do, and pod 0 that collects. */
function start({ intervalMs = INTERVAL_MS, udpEnabled = false } = {}) {
  const clock = new FakeClock(NOW_MS);
  const settings = resultsSettingsOf({ refreshIntervalMs: intervalMs, udpEnabled });
  const results = PODS.map(() => resultsOf(settings, clock));
  const targets = PODS.map(({ uid, name }): Target => ({ ...targetOf(uid), name }));
  for (const one of results) one.setTargets(targets);
  /** When which pods hung, monotonic ms. */
  const hangs: { pod: number; fromMs: number; toMs: number }[] = [];
  const hangsAt = (uid: string, atMs: number) =>
    hangs.some(({ pod, fromMs, toMs }) => PODS[pod]?.uid === uid && fromMs <= atMs && atMs < toMs);
  const reportAt = async (pod: number, windowMs: number, past: AgeRange | null): Promise<PodReport> => {
    const one = results[pod] as Results;
    const parts = past === null ? await one.report(PODS, windowMs) : await one.reportOf(past);
    const report = { ...reportOf(PODS[pod] ?? podOf(0), PODS), atMs: clock.nowMs(), ...parts };
    if (past === null || report.past === null) return report;
    return {
      ...report,
      past: { ...report.past, stoodStill: hangsAt(report.pod.uid, clock.monotonicMs() - past.toAgeMs) },
    };
  };
  const deps = collectDepsOf(clock, [], {
    snapshot: () => snapshotOf(PODS),
    settings: () => settingsOf({ refreshIntervalMs: intervalMs }),
    queryReport: async ({ uid }, { windowMs, past }) => {
      if (hangsAt(uid, clock.monotonicMs())) return missingOf('timeout', 'no answer');
      const pod = PODS.findIndex((one) => one.uid === uid);
      return resultOf(await reportAt(pod, windowMs, past));
    },
    lifetimes: lifetimesOf(PODS),
    resolutionMs: (ageMs) => (results[0] as Results).resolutionMs(ageMs),
    ownReport: (windowMs) => reportAt(0, windowMs, null),
    ownReportOf: (range) => reportAt(0, 0, range),
  });
  const collector = new Collector(deps);
  const pastMeshes = new PastMeshes(deps);
  /** One round of pings, and what is shown then. */
  const round = (sample: (from: number, to: number) => Sample): Promise<Mesh> => {
    clock.freeze(intervalMs - 100);
    for (const [from, one] of results.entries()) {
      if (hangsAt(`uid-${from}`, clock.monotonicMs())) continue;
      for (const [to, target] of targets.entries()) one.record(target, sample(from, to));
    }
    clock.freeze(100);
    return collector.collect({ windowMs: FINDINGS_WINDOW_MS, maxAgeMs: 0 });
  };
  return {
    clock,
    round,
    /** Rounds of pings, in which all links work that have no `fault`; when and what was shown after each. */
    async rounds(count: number, fault: Fault = () => null) {
      const shown: { atMs: number; live: ReturnType<typeof told> }[] = [];
      for (let n = 0; n < count; n++) {
        const mesh = await round((from, to) => fault(from, to, n) ?? sampleOf());
        shown.push({ atMs: clock.nowMs(), live: told(mesh) });
      }
      return shown;
    },
    /** Lets a pod hang from now on, as SIGSTOP does. Returns what ends it. */
    hang(pod: number): () => void {
      const one = { pod, fromMs: clock.monotonicMs(), toMs: Number.POSITIVE_INFINITY };
      hangs.push(one);
      return () => {
        one.toMs = clock.monotonicMs();
      };
    },
    /** One round of pings that are all ok, and of cycles of 10 datagrams. `lost`: how many of them. */
    lossyRound(lost: (from: number, to: number) => number): void {
      clock.freeze(intervalMs);
      for (const [from, one] of results.entries()) {
        for (const [to, target] of targets.entries()) {
          one.record(target, sampleOf());
          const cycle = { sent: 10, lost: lost(from, to), rttUs: 500, duplicates: 0, outOfOrder: 0, hops: 2 };
          one.recordUdp(target, { atMs: 0, suspect: false, ...cycle });
        }
      }
    },
    collect: (windowMs: number) => collector.collect({ windowMs, maxAgeMs: 0 }),
    at: (atMs: number) => pastMeshes.at(atMs),
  };
}

/** What a mesh tells. Why a call failed is not kept, and packed ages are not exact. */
function told({ findings, health, reports, pods }: Mesh) {
  const states = reports.flatMap(({ pod, links, stats }) =>
    [...links.to].map((to, i) => {
      const known = ((links.flags[i] ?? 0) & FLAG_NOT_YET) === 0;
      return `${pod} ${pods[to]?.uid} ${known && outcomeOf(links, i)} ${stats?.samples[i]} ${stats?.failures[i]} ${stats?.p50Us[i]}`;
    }),
  );
  const reasons = health.reasons.map(({ pod, why }) => ({
    pod,
    why: why.map((sentence) => sentence.replace(/(did not report \(\w+): .*\)/, '$1)')),
  }));
  const rounded = findings.map(({ sinceMs, ...finding }) => ({ ...finding, sinceMs: Math.round(sinceMs / 100) * 100 }));
  return { findings: rounded, health: { ...health, reasons }, states };
}

describe('the past never contradicts what was shown live', () => {
  it.each(Object.entries(FAULTS))('%s', async (name, fault) => {
    const { clock, rounds, at } = start();
    const shown = [...(await rounds(40)), ...(await rounds(12, fault)), ...(await rounds(12))];
    expect(shown.some(({ live }) => live.findings.length > 0)).toBe(!UNTOLD.has(name));
    clock.freeze(120_000);
    // The first minute has no whole window of statistics.
    for (const { atMs, live } of shown.slice(35)) {
      expect(told(await at(atMs)), `${(atMs - NOW_MS) / INTERVAL_MS} rounds after the start`).toEqual(live);
    }
  });
});

test.each([1_000, INTERVAL_MS, 30_000])(
  'the past of a pod that hung has no report of it, as live, with an interval of %i ms',
  async (intervalMs) => {
    const { clock, rounds, at, hang } = start({ intervalMs });
    await rounds(60);
    clock.freeze(60);
    const wake = hang(3);
    const shown = await rounds(4, (_, to) => (to === 3 ? timeout() : null));
    // It answers right after the last moment that was shown: no rounding may show that.
    clock.freeze(30);
    wake();
    clock.freeze(10);
    for (const { atMs } of shown) expect(atMs % 100).toBe(60);
    const later = await rounds(3);
    expect(shown[0]?.live.findings).toMatchObject([
      { kind: 'pod-unreachable', detail: expect.stringContaining('What it reaches is not known.') },
    ]);
    clock.freeze(20_000);
    for (const { atMs, live } of [...shown, ...later]) expect(told(await at(atMs))).toEqual(live);
  },
);

/** What findings say, without their figures. */
const saidIn = ({ findings }: Mesh) => findings.map(({ kind, subject, title }) => ({ kind, subject, title }));

test.each([1_000, 30_000])(
  'a slow link is a finding from its third late ping on, and not before, with an interval of %i ms',
  async (intervalMs) => {
    const { round, collect } = start({ intervalMs });
    const good: Fault = () => null;
    const slow = link(2, 5, late);
    const found: number[] = [];
    for (const fault of [...new Array<Fault>(10).fill(good), slow, good, slow, slow, slow]) {
      const said = saidIn(await round((from, to) => fault(from, to, 0) ?? sampleOf()));
      // Who asks with another window, or without one, finds the same.
      for (const windowMs of [0, 300_000]) expect(saidIn(await collect(windowMs))).toEqual(said);
      found.push(said.length);
    }
    expect(found).toEqual([...new Array(14).fill(0), 1]);
    expect(saidIn(await collect(0))).toMatchObject([{ kind: 'link-slow', subject: 'pod-2 → pod-5' }]);
  },
);

test.each([30_000, 120_000])(
  'a link that loses a seventh of its datagrams is told steadily, and alike by page, findings, verdicts and the past, with an interval of %i ms',
  async (intervalMs) => {
    const { clock, lossyRound, collect, at } = start({ intervalMs, udpEnabled: true });
    let seed = 1;
    const isLost = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647 < 0.15;
    };
    const shown: { atMs: number; live: ReturnType<typeof saidIn> }[] = [];
    for (let n = 0; n < 70; n++) {
      const lost = Array.from({ length: 10 }, isLost).filter(Boolean).length;
      lossyRound((from, to) => (from === 1 && to === 4 ? lost : 0));
      if (n < 10) continue;
      const live = saidIn(await collect(FINDINGS_WINDOW_MS));
      expect(live).toMatchObject([{ kind: 'link-lossy', subject: 'pod-1 → pod-4' }]);
      // The page asks without a window or with another one, verdicts with theirs.
      for (const windowMs of [0, 300_000, 30_000]) expect(saidIn(await collect(windowMs))).toEqual(live);
      shown.push({ atMs: clock.nowMs(), live });
    }
    clock.freeze(1_000);
    for (const { atMs, live } of shown.slice(-20)) expect(saidIn(await at(atMs))).toEqual(live);
  },
);
