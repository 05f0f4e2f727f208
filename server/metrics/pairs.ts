import { OUTCOMES, type Outcome, PHASES, type Phase } from '../contract/outcome.ts';
import type { Target } from '../contract/pod.ts';
import { labelValue } from './labels.ts';

/** How many kinds of failure there are, by outcome and phase; see `failureIndex`. */
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
  #byTarget = new Map<string, { target: Target; series: PairSeries }>();

  /** Keeps the series of these targets, adds missing ones and drops those of departed ones. */
  setTargets(targets: readonly Target[]): void {
    const byLabels = new Map<string, PairSeries>();
    for (const { series } of this.#byTarget.values()) byLabels.set(series.labels, series);
    const next = new Map<string, { target: Target; series: PairSeries }>();
    for (const target of targets) {
      const known = this.#byTarget.get(target.id);
      const labels =
        known !== undefined && hasSameLabels(known.target, target) ? known.series.labels : pairLabels(target);
      const series = byLabels.get(labels) ?? { labels, isUp: null, failures: null };
      byLabels.set(labels, series);
      next.set(target.id, { target, series });
    }
    this.#byTarget = next;
  }

  /** The series of a target; undefined once it has departed. */
  find(targetId: string): PairSeries | undefined {
    return this.#byTarget.get(targetId)?.series;
  }

  /** All series at this moment, each once. */
  list(): PairSeries[] {
    return [...new Set([...this.#byTarget.values()].map(({ series }) => series))];
  }
}

/** Counts one failure. */
export function countFailure(series: PairSeries, outcome: Outcome, phase: Phase | null): void {
  series.failures ??= new Uint32Array(FAILURE_KINDS);
  const index = failureIndex(outcome, phase);
  series.failures[index] = (series.failures[index] ?? 0) + 1;
}

/** Comparing is a tenth of the work of writing the labels again. */
function hasSameLabels(a: Target, b: Target): boolean {
  const isSamePlace = a.node === b.node && a.podIP === b.podIP && a.hostIP === b.hostIP;
  return isSamePlace && a.name === b.name && a.namespace === b.namespace;
}

function pairLabels(target: Target): string {
  const names = `peer="${labelValue(target.name)}",peer_namespace="${labelValue(target.namespace)}"`;
  const places = `peer_node="${labelValue(target.node)}",pod_ip="${labelValue(target.podIP)}"`;
  return `${names},${places},host_ip="${labelValue(target.hostIP)}"`;
}
