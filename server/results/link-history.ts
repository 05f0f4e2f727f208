import type { LinkHistory } from '../protocol/history.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import type { History } from './history.ts';
import type { Link } from './links.ts';
import type { Statistics } from './statistics.ts';
import { StepStatistics, type Steps } from './steps.ts';

/** Statistics of the links to one pod in one step. */
type StepSummary = Omit<LinkHistory['steps'][number], 'atMs' | 'lengthMs'>;

/** Sums up the links to one pod by step: the steps that have samples, oldest first, with their index among `steps`. */
export function sumUpBySteps(
  links: readonly Link[],
  steps: Steps,
  nowMs: number,
  history: History,
): { resolutionMs: number; steps: [step: number, summary: StepSummary][] } {
  const byStep = new Map<number, StepSummary>();
  const reader = new StepStatistics(history);
  let resolutionMs = 0;
  for (const { record } of links) {
    const widthMs = reader.visit(record, steps, nowMs, false, (step, statistics) => {
      const summary = summaryOf(statistics);
      const other = byStep.get(step);
      byStep.set(step, other === undefined ? summary : merged(other, summary));
    });
    resolutionMs = Math.max(resolutionMs, widthMs);
  }
  return { resolutionMs, steps: [...byStep].sort(([a], [b]) => a - b) };
}

function summaryOf(statistics: Statistics): StepSummary {
  const { count, suspect: _suspect, failures: _failures, ...durations } = statistics.summary();
  const failures: Record<string, number> = {};
  for (const [i, failed] of statistics.byOutcome.entries()) {
    const outcome = OUTCOMES[i];
    if (i > 0 && failed > 0 && outcome !== undefined) failures[outcome] = failed;
  }
  return { samples: count, failures, ...durations };
}

/** Merges two links to one pod (IPv4 and IPv6) in one step. Percentiles become their mean, weighted by samples. */
function merged(a: StepSummary, b: StepSummary): StepSummary {
  const failures = { ...a.failures };
  for (const [outcome, count] of Object.entries(b.failures)) failures[outcome] = (failures[outcome] ?? 0) + count;
  const mean = (x: number, y: number) =>
    x < 0 || y < 0 ? Math.max(x, y) : (x * a.samples + y * b.samples) / (a.samples + b.samples);
  return {
    samples: a.samples + b.samples,
    failures,
    minUs: a.minUs < 0 || b.minUs < 0 ? Math.max(a.minUs, b.minUs) : Math.min(a.minUs, b.minUs),
    p50Us: mean(a.p50Us, b.p50Us),
    p95Us: mean(a.p95Us, b.p95Us),
    maxUs: Math.max(a.maxUs, b.maxUs),
    connectP50Us: mean(a.connectP50Us, b.connectP50Us),
    firstByteP50Us: mean(a.firstByteP50Us, b.firstByteP50Us),
  };
}
