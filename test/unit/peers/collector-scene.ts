import { type CollectSettings, createCollector } from '../../../server/peers/collector.ts';
import type { ReportRequest, ReportResponse } from '../../../server/peers/peer-client.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS, podOf, reportOf, settingsOf, snapshotOf } from '../../support/mesh.ts';

export interface Scene {
  pods: readonly Pod[];
  selfUid?: string;
  settings?: Partial<CollectSettings>;
  /** How each pod answers, after how many ms; by default with its report at once. */
  answer?(uid: string, pods: readonly Pod[]): { answer?: ReportResponse; afterMs?: number };
}

/** A collector in pod 0 of a scene, over a network that only exists here. */
export function start({ pods, selfUid = 'uid-0', settings, answer }: Scene) {
  const clock = new FakeClock(NOW_MS);
  const asks: ReportRequest[] = [];
  const calls: [string, boolean, number][] = [];
  const state = { mostAtOnce: 0, atOnce: 0, ownReports: [] as number[], ownReportFails: false };
  const fetchReport = (ask: ReportRequest): Promise<ReportResponse> => {
    asks.push(ask);
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    const pod = pods.find(({ uid }) => uid === ask.uid) as Pod;
    const told = answer?.(ask.uid, pods) ?? {};
    const report = reportOf(pod, pods, undefined, ask.known === null ? {} : { peers: ask.known.peers });
    return new Promise((resolve) => {
      const end = (reply: ReportResponse) => {
        state.atOnce -= 1;
        for (const timer of timers) timer.cancel();
        ask.signal.removeEventListener('abort', ended);
        resolve(reply);
      };
      const late: ReportResponse = {
        kind: 'missing',
        reason: 'timeout',
        detail: `no whole answer within ${ask.timeoutMs} ms`,
      };
      const timers = [
        clock.setTimer(() => end(told.answer ?? { kind: 'report', report }), told.afterMs ?? 0),
        clock.setTimer(() => end(late), ask.timeoutMs),
      ];
      const ended = () => end({ kind: 'missing', reason: 'not-asked', detail: 'ended' });
      ask.signal.addEventListener('abort', ended);
    });
  };
  const collector = createCollector(
    {
      ...{ checkTimeoutMs: 1_000, checkAllTimeoutMs: 5_000, concurrency: 4, port: 8080 },
      ...{ families: [4], useHostIP: false },
      ...settings,
    },
    {
      clock,
      random: () => 0,
      snapshot: () => snapshotOf(pods),
      ownReport: async (windowMs) => {
        state.ownReports.push(windowMs);
        if (state.ownReportFails) throw new Error('no report');
        return reportOf(pods[0] ?? podOf(0), pods);
      },
      fetchReport,
      selfUid: () => selfUid,
      settings: () => settingsOf(),
    },
    { onPeerCall: (pod, _, us, ok) => calls.push([pod.uid, ok, us]) },
  );
  /** Collects while time passes. */
  const collect = async (passMs = 10_000, windowMs = 0) => {
    const mesh = collector.collect({ windowMs, maxAgeMs: 0 });
    await clock.advance(passMs);
    return mesh;
  };
  return { clock, asks, calls, state, collector, collect };
}

export const reasonsOf = (reports: { missing: string }[]) => reports.map(({ missing }) => missing);
