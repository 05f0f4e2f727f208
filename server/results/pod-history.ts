import { LATENCY_BINS_US, type PodHistory } from '../protocol/history.ts';
import { pack16, unpack16 } from '../protocol/links.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { History } from './history.ts';
import type { Link } from './links.ts';
import { StepStatistics, type Steps } from './steps.ts';

/**
 * Counts the links of this pod in each step: those with a trustworthy sample, those of them with a failure, and the others
 * by their median latency. Works in time slices, because there may be many links.
 */
export async function countBySteps(
  links: readonly Link[],
  steps: Steps,
  nowMs: number,
  { history, timeSlice }: { history: History; timeSlice: TimeSlice },
): Promise<Pick<PodHistory, 'resolutionMs' | 'links' | 'failed' | 'byLatency'>> {
  const zeros = (length: number) => new Array<number>(length).fill(0);
  const counts = {
    links: zeros(steps.count),
    failed: zeros(steps.count),
    byLatency: Array.from({ length: steps.count }, () => zeros(LATENCY_BINS_US.length + 1)),
  };
  const reader = new StepStatistics(history);
  let resolutionMs = 0;
  for (const { record } of links) {
    const widthMs = reader.visit(record, steps, nowMs, true, (step, statistics) => {
      if (!statistics.hasTrusted) return;
      increment(counts.links, step);
      if (statistics.failures > 0) increment(counts.failed, step);
      else increment(counts.byLatency[step] ?? [], binOf(statistics.medianUs));
    });
    resolutionMs = Math.max(resolutionMs, widthMs);
    if (timeSlice.isOver()) await timeSlice.next();
  }
  return { resolutionMs, ...counts };
}

function increment(counts: number[], i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

/** The bin of `LATENCY_BINS_US` to which a latency belongs. */
function binOf(us: number): number {
  // Rounded as it would be stored, so that a rounding error does not put 2 ms into the bin beyond 2 ms.
  const storedUs = unpack16(pack16(us));
  const bin = LATENCY_BINS_US.findIndex((maxUs) => storedUs <= maxUs);
  return bin === -1 ? LATENCY_BINS_US.length : bin;
}
