import { type CopyAnswer, encodeCopyAnswer, parseCopyAnswerSliced } from '../../server/protocol/copy.ts';
import { Results, type ResultsSettings } from '../../server/results/results.ts';
import type { Clock } from '../../server/runtime/clock.ts';
import { parsedBy } from './generator.ts';

/** Settings of results that are kept for an hour, in memory enough. */
export function resultsSettingsOf(change: Partial<ResultsSettings> = {}): ResultsSettings {
  return {
    resultsMemoryMiB: 4,
    historyMemoryMiB: 8,
    historyWindowMs: 3_600_000,
    refreshIntervalMs: 2_000,
    goneRetentionMs: 300_000,
    slowLinkMs: 100,
    udpEnabled: false,
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
