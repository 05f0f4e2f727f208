import { PodLifetimes } from '../../server/events/pod-lifetimes.ts';
import type { CollectDeps } from '../../server/peers/collect-view.ts';
import { FanOut } from '../../server/peers/fan-out.ts';
import type { ReportResult } from '../../server/peers/report-query.ts';
import { type CopyAnswer, encodeCopyAnswer, parseCopyAnswerSliced } from '../../server/protocol/copy.ts';
import type { PingSettings } from '../../server/protocol/link-state.ts';
import type { MissingReason } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { PodReport } from '../../server/protocol/pod-report.ts';
import type { ResultsSettings } from '../../server/results/history.ts';
import { Results } from '../../server/results/results.ts';
import type { Clock } from '../../server/runtime/clock.ts';
import { parsedBy } from './generator.ts';
import { podOf, reportOf, settingsOf, snapshotOf } from './mesh.ts';

/** What a collection by pod 0 of `pods` needs. Each pod answers at once, and reaches all. */
export function collectDepsOf(clock: Clock, pods: readonly Pod[], change: Partial<CollectDeps> = {}): CollectDeps {
  return {
    clock,
    fanOut: new FanOut({ checkAllTimeoutMs: 5_000 }, clock),
    isPassive: () => false,
    random: () => 0,
    selfUid: () => 'uid-0',
    snapshot: () => snapshotOf(pods),
    settings: () => settingsOf(),
    queryReport: async (pod) => resultOf(reportOf(pod, pods)),
    onPeerCall: () => {},
    lifetimes: new PodLifetimes({ historyWindowMs: 3_600_000, goneRetentionMs: 60_000 }, clock),
    ownReport: async () => reportOf(pods[0] ?? podOf(0), pods),
    ownReportOf: async () => reportOf(pods[0] ?? podOf(0), pods),
    otherKeepers: () => [],
    copies: { reportOf: async () => null },
    journal: { apiLostAt: () => null },
    resolutionMs: () => 0,
    ...change,
  };
}

/** The pods of the past are `pods`, and nothing is known of others. */
export function lifetimesOf(
  pods: readonly Pod[],
  change: Partial<CollectDeps['lifetimes']> = {},
): CollectDeps['lifetimes'] {
  return {
    podsAt: () => [...pods],
    gone: () => [],
    remembersSinceMs: () => 0,
    ...change,
  };
}

/** The result of a query that a report has answered. */
export function resultOf(report: PodReport): ReportResult {
  return { kind: 'report', report };
}

/** The result of a query that got no report. */
export function missingOf(reason: MissingReason, detail = 'x', hasAnswered: boolean | null = false): ReportResult {
  return { kind: 'missing', reason, detail, hasAnswered };
}

/** Settings of results that are kept for an hour, in memory enough. */
export function resultsSettingsOf(change: Partial<ResultsSettings> = {}): ResultsSettings & PingSettings {
  return {
    resultsMemoryMiB: 4,
    historyMemoryMiB: 8,
    historyWindowMs: 3_600_000,
    refreshIntervalMs: 2_000,
    goneRetentionMs: 300_000,
    slowLinkMs: 100,
    udpEnabled: false,
    jitterFactor: 0.05,
    pingTimeoutMs: 300,
    ...change,
  };
}

/** The results of a pod; nobody is told of changes. */
export function resultsOf(settings: ResultsSettings, clock: Clock): Results {
  return new Results(settings, clock, { onLinkChange: () => {}, onSpeedChange: () => {}, onLossChange: () => {} });
}

/** An answer with copies as another process gets it. */
export function overWire(answer: CopyAnswer): CopyAnswer {
  return parsedBy(parseCopyAnswerSliced, JSON.parse(encodeCopyAnswer(answer))).value;
}
