import type { Lifecycle, Pod } from '../contract/pod.ts';

/** A stage of a pod's life and since when, in monotonic time. */
export interface Stage {
  lifecycle: Lifecycle;
  fromMs: number;
}

/** The most stages that are kept of one pod: a probe that flaps must not fill the memory. */
const MAX_STAGES = 32;

/** One pod's life: what it is now, and the stages that it went through. */
export class PodLife {
  #pod: Pod;
  /** When it was created, in monotonic time. */
  readonly bornMs: number;
  readonly #stages: Stage[] = [];

  constructor(pod: Pod, bornMs: number) {
    this.#pod = pod;
    this.bornMs = bornMs;
  }

  /** As it was last told. */
  get pod(): Pod {
    return this.#pod;
  }

  /** Since when it is in its present stage. */
  get sinceMs(): number {
    return this.#stages.at(-1)?.fromMs ?? this.bornMs;
  }

  /** Whether it has left. */
  get isGone(): boolean {
    return this.#stages.at(-1)?.lifecycle === 'gone';
  }

  /** Takes the pod as it is now, in its stage since `sinceMs`. Gives whether the stage is another than before. */
  take(pod: Pod, sinceMs: number): boolean {
    this.#pod = pod;
    const { lifecycle } = pod;
    const last = this.#stages.at(-1);
    if (last?.lifecycle === lifecycle) return false;
    // What was before we knew of it: it began with its start; of one that is leaving, that it was ready is likeliest.
    const earlier = lifecycle === 'terminating' || lifecycle === 'gone' ? 'ready' : 'starting';
    if (last === undefined && sinceMs > this.bornMs && lifecycle !== 'starting') {
      this.#stages.push({ lifecycle: earlier, fromMs: this.bornMs });
    }
    this.#stages.push({ lifecycle, fromMs: Math.max(sinceMs, last?.fromMs ?? this.bornMs) });
    if (this.#stages.length > MAX_STAGES) this.#stages.shift();
    return true;
  }

  /** The stage that it was in at `atMs`, monotonic; null before it was created. */
  stageAt(atMs: number): Stage | null {
    if (atMs < this.bornMs) return null;
    const stage = this.#stages.findLast(({ fromMs }) => fromMs <= atMs);
    return stage ?? this.#stages[0] ?? null;
  }
}
