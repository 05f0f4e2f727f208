import { OUTCOMES, type Outcome, PHASES, type Phase } from '../contract/outcome.ts';
import type { Target } from '../contract/pod.ts';
import { labelText } from './labels.ts';

/** Counts of one pair's failures, by outcome and phase; see `failureIndex`. */
export const FAILURE_KINDS = OUTCOMES.length * (PHASES.length + 1);

/** Where a failure of that outcome in that phase is counted. */
export function failureIndex(outcome: Outcome, phase: Phase | null): number {
  return OUTCOMES.indexOf(outcome) * (PHASES.length + 1) + (phase === null ? 0 : PHASES.indexOf(phase) + 1);
}

/** The labels of the failures counted at `index`. */
export function failureLabels(index: number): { outcome: Outcome; phase: Phase | 'none' } {
  const width = PHASES.length + 1;
  return { outcome: OUTCOMES[Math.floor(index / width)] ?? 'malformed', phase: PHASES[(index % width) - 1] ?? 'none' };
}

/** What is told about one peer by name. */
export interface PairSeries {
  /** The peer's names and addresses. */
  readonly labels: string;
  /** null until the link's state is known. */
  isUp: boolean | null;
  /** By `failureIndex`; null until the first failure. */
  failures: Uint32Array | null;
}

/** The peers we ping, each with the series that name it. */
export class Pairs {
  #byTarget = new Map<string, PairSeries>();

  /** Keeps the series of these targets, adds missing ones and drops those of departed ones. */
  setTargets(targets: readonly Target[]): void {
    const previous = new Map([...this.#byTarget.values()].map((series) => [series.labels, series]));
    const next = new Map<string, PairSeries>();
    for (const target of targets) {
      const labels = pairLabels(target);
      const series = previous.get(labels) ?? { labels, isUp: null, failures: null };
      previous.set(labels, series);
      next.set(target.id, series);
    }
    this.#byTarget = next;
  }

  /** The series of a target; undefined once it has departed. */
  find(targetId: string): PairSeries | undefined {
    return this.#byTarget.get(targetId);
  }

  /** All series at this moment, each once. */
  list(): PairSeries[] {
    return [...new Set(this.#byTarget.values())];
  }
}

/** Counts one failure. */
export function countFailure(series: PairSeries, outcome: Outcome, phase: Phase | null): void {
  series.failures ??= new Uint32Array(FAILURE_KINDS);
  const index = failureIndex(outcome, phase);
  series.failures[index] = (series.failures[index] ?? 0) + 1;
}

function pairLabels(target: Target): string {
  return labelText({
    peer: target.name,
    peer_namespace: target.namespace,
    peer_node: target.node,
    pod_ip: target.podIP,
    host_ip: target.hostIP,
  });
}
