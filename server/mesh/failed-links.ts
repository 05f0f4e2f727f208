/** The failed links of one side of one pod, summed up for a sentence. */
export interface Blame {
  /** Of those that were kept. */
  count: number;
  /** Indexes in `OUTCOMES`, the first few different ones. */
  outcomes: number[];
  /** The pods at the other ends, the first few. */
  others: number[];
}

/** Blames by pod: for links into it, and for links from it. */
export interface Blames {
  into: Map<number, Blame>;
  from: Map<number, Blame>;
}

/** The most failed links that are kept; of more, the rest count against the probed pod. */
const MAX_KEPT = 16_384;
/** The most outcomes and pods named in a blame. */
const MAX_NAMED = 3;

/** Failed links between the pods of a matrix, and whose fault they are. */
export class FailedLinks {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #outcome: number[] = [];
  readonly #probedIn: Uint32Array;
  readonly #probedOut: Uint32Array;
  readonly #failedIn: Uint32Array;

  constructor(pods: number) {
    this.#probedIn = new Uint32Array(pods);
    this.#probedOut = new Uint32Array(pods);
    this.#failedIn = new Uint32Array(pods);
  }

  /** Takes a probed link into account. `outcome`: index in `OUTCOMES`, 0 = ok. */
  add(from: number, to: number, outcome: number): void {
    increase(this.#probedIn, to);
    increase(this.#probedOut, from);
    if (outcome === 0) return;
    increase(this.#failedIn, to);
    if (this.#from.length >= MAX_KEPT) return;
    this.#from.push(from);
    this.#to.push(to);
    this.#outcome.push(outcome);
  }

  /** Links into a pod: failed and probed. */
  into(pod: number): { failed: number; probed: number } {
    return { failed: this.#failedIn[pod] ?? 0, probed: this.#probedIn[pod] ?? 0 };
  }

  /** Links from a pod that were probed. */
  probedFrom(pod: number): number {
    return this.#probedOut[pod] ?? 0;
  }

  /**
   * Whom the failed links speak against: the probed pod, unless others reach that one and the prober is the odd one
   * out, because nobody reaches it either or because most of its links fail. So one pod that is cut off makes one
   * unhealthy pod and not all of them.
   */
  blames(): Blames {
    const odd = new Uint32Array(this.#probedIn.length);
    const excused = new Uint32Array(this.#probedIn.length);
    for (const [i, from] of this.#from.entries()) increase(this.#isUnreachable(this.#to[i] ?? 0) ? excused : odd, from);
    const isOdd = (pod: number) => {
      const failed = odd[pod] ?? 0;
      return this.#isUnreachable(pod) || (failed >= 2 && failed * 2 > this.probedFrom(pod) - (excused[pod] ?? 0));
    };
    const blames: Blames = { into: new Map(), from: new Map() };
    for (const [i, from] of this.#from.entries()) {
      const to = this.#to[i] ?? 0;
      const outcome = this.#outcome[i] ?? 0;
      if (!this.#isUnreachable(to) && isOdd(from)) blame(blames.from, from, to, outcome);
      else blame(blames.into, to, from, outcome);
    }
    if (this.#from.length < MAX_KEPT) return blames;
    for (const [pod, count] of this.#failedIn.entries()) {
      if (count > 0 && !blames.into.has(pod)) blames.into.set(pod, { count, outcomes: [], others: [] });
    }
    return blames;
  }

  /** Most of those who probe it fail, and not just one. */
  #isUnreachable(pod: number): boolean {
    const { failed, probed } = this.into(pod);
    return failed >= 2 && failed * 2 > probed;
  }
}

function increase(counts: Uint32Array, i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

function blame(blames: Map<number, Blame>, pod: number, other: number, outcome: number): void {
  let found = blames.get(pod);
  if (found === undefined) {
    found = { count: 0, outcomes: [], others: [] };
    blames.set(pod, found);
  }
  found.count += 1;
  if (found.outcomes.length < MAX_NAMED && !found.outcomes.includes(outcome)) found.outcomes.push(outcome);
  if (found.others.length < MAX_NAMED && !found.others.includes(other)) found.others.push(other);
}
