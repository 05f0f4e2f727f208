import type { PeerRef } from '../../server/protocol/pod.ts';
import { type PodReport, parsePodReportSliced } from '../../server/protocol/pod-report.ts';
import { noneSkipped, type Skipped } from '../../server/protocol/validators.ts';

/** Runs a generator that yields between time slices to its end. Returns its result and the number of steps. */
export function runToEnd<T>(work: Generator<void, T>): { result: T; steps: number } {
  for (let steps = 1; ; steps++) {
    const step = work.next();
    if (step.done === true) return { result: step.value, steps };
  }
}

/** Runs a sliced validator: the result, and how many elements it has left out. */
export function parsedBy<T>(
  parse: (wire: unknown, skipped: Skipped) => Generator<void, T>,
  wire: unknown,
): { value: T; skipped: number } {
  const skipped = noneSkipped();
  const value = runToEnd(parse(wire, skipped)).result;
  return { value, skipped: skipped.count };
}

/** Validates a pod report; `known`: the peers of which the reader has the fingerprint. */
export function parsePodReport(wire: unknown, known: { hash: string; peers: PeerRef[] } | null = null): PodReport {
  return parsedBy((report, skipped) => parsePodReportSliced(report, known, skipped), wire).value;
}
