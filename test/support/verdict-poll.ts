import { parseVerdict, VERDICTS, type VerdictAnswer } from '../../server/protocol/verdict.ts';

type Verdict = VerdictAnswer['verdict'];

/** What is true: by question (the query of `/api/v1/verdict`), its right answer. */
export type Truth = Readonly<Record<string, Verdict>>;

/** A pod that is asked, and where. */
export interface PolledPod {
  name: string;
  url: string;
}

/** One answer, as a client got it. */
export interface KeptAnswer {
  pod: string;
  query: string;
  askedMs: number;
  answeredMs: number;
  /** Null if there was none that can be read; `fault` says why. */
  answer: VerdictAnswer | null;
  fault: string;
  /** Whether the pods were short of CPU by then; only looked for where an answer is not the right one. */
  isBusy: boolean;
}

export interface PollDeps {
  fetch: typeof fetch;
  nowMs: () => number;
  /** Those that are ready now. */
  pods: () => readonly PolledPod[];
  /** Whether the pods are short of CPU, as one of them tells. */
  isBusy: (url: string) => Promise<boolean>;
  windowMs: number;
}

/** From `sinceMs` on these answers are right, by question. */
interface Stretch {
  sinceMs: number;
  isSettled: boolean;
  right: Readonly<Record<string, readonly Verdict[]>>;
}

const STATUS = { pass: 200, fail: 503, unknown: 425 };
const EVERY_MS = 1000;
/** A report may be two seconds old, and the last probe that began before a change ends a moment after it. */
const LATE_MS = 3000;
/** A report that is late may be replaced by one two seconds old, and a picture is shared by those who ask within 0.3 s. */
const LAST_ROW_MS = 2500;

/**
 * Asks every pod every question once a second, as chaos tools do, keeps each answer with its time, and judges them by what
 * was true then. While something changes, the old answer, the new one and `unknown` are right; the old one no longer once
 * the window lies behind the change. When all pods have given the new answer, only that is right until the next change.
 * A machine may be short of CPU, and then probes do fail: that excuses an answer, but never a pass of `healthy`.
 */
export class VerdictPoll {
  readonly answers: KeptAnswer[] = [];
  readonly #deps: PollDeps;
  readonly #stretches: Stretch[] = [];
  readonly #pending = new Set<Promise<unknown>>();
  #truth: Truth = {};
  #forgot = { sinceMs: Number.POSITIVE_INFINITY, toMs: 0, links: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: PollDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => void this.round(), EVERY_MS);
  }

  /** Ends asking; resolves when all answers are there. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  /**
   * From now on something changes, and this will be true. Questions that are not in it are asked no more; to `open` ones
   * any answer is right meanwhile: links do fail into a pod that ends or begins.
   */
  change(next: Truth, open: readonly string[] = []): void {
    const sinceMs = this.#deps.nowMs();
    const before = this.#stretches.findLast((stretch) => stretch.sinceMs <= sinceMs)?.right ?? {};
    this.#truth = next;
    this.#begin({
      sinceMs,
      isSettled: false,
      right: this.#rightBeside((query) => (open.includes(query) ? VERDICTS : (before[query] ?? []))),
    });
  }

  /** The change has been seen: when the window lies behind it, what was true before it no longer is. */
  changed(): void {
    const sinceMs = this.#deps.nowMs() + this.#deps.windowMs + LATE_MS;
    this.#begin({ sinceMs, isSettled: false, right: this.#rightBeside(() => []) });
  }

  /** All pods have said so: from now on nothing else is right. */
  settle(): void {
    const right = Object.fromEntries(Object.entries(this.#truth).map(([query, verdict]) => [query, [verdict]]));
    this.#begin({ sinceMs: this.#deps.nowMs(), isSettled: true, right });
  }

  /**
   * A process has ended, and no other has begun in its place; to be said again while that is so. From what its last report
   * could tell until a window after another begins nobody can pass on all links, of which there are so many.
   */
  forget(links: number): void {
    const nowMs = this.#deps.nowMs();
    this.#forgot = { sinceMs: Math.min(this.#forgot.sinceMs, nowMs), toMs: nowMs + this.#deps.windowMs, links };
  }

  /** Asks all pods now, one after the other: all at once they would starve each other. Resolves with their answers. */
  round(): Promise<KeptAnswer[]> {
    const asking = this.#askAll();
    this.#pending.add(asking);
    return asking.finally(() => this.#pending.delete(asking));
  }

  async #askAll(): Promise<KeptAnswer[]> {
    const answers: KeptAnswer[] = [];
    for (const pod of this.#deps.pods()) {
      answers.push(...(await Promise.all(Object.keys(this.#truth).map((query) => this.#ask(pod, query)))));
    }
    return answers;
  }

  /** Why this is not yet the answer of what will be true; '' if it is, or if a starved pod cannot tell. */
  lacks({ pod, query, answer, fault }: KeptAnswer): string {
    if (fault === '' && (answer?.verdict === this.#truth[query] || isStarved(answer))) return '';
    return `${pod}, ${query}: ${fault} ${answer?.verdict} ${answer?.reason}, where ${this.#truth[query]} is to come`;
  }

  /** What is wrong with an answer; '' if nothing is. */
  faultOf(one: KeptAnswer): string {
    const told = `${one.pod}, ${one.query}: ${one.fault} ${JSON.stringify(one.answer)}`;
    const stretches = this.#stretchesOf(one).filter(({ right }) => one.query in right);
    if (stretches.length === 0) return '';
    if (one.answer === null) return stretches.some(({ isSettled }) => !isSettled) ? '' : told;
    if (one.fault !== '') return told;
    const { verdict, links_checked: links } = one.answer;
    const { sinceMs, toMs, links: all } = this.#forgot;
    const isForgotten = one.askedMs > sinceMs + LAST_ROW_MS && one.answeredMs < toMs;
    if (verdict === 'pass' && isForgotten && links >= all) return `${told}, with memory of less`;
    const right = stretches.flatMap((stretch) => stretch.right[one.query] ?? []);
    return right.includes(verdict) ? '' : `${told}, where ${right.join(' or ')} is right`;
  }

  /** All that is wrong, and how many answers were excused. */
  judged(): { wrong: string[]; excused: number } {
    const faulty = this.answers.filter((one) => this.faultOf(one) !== '');
    const wrong = faulty.filter((one) => !isExcused(one));
    return { wrong: wrong.map((one) => this.faultOf(one)), excused: faulty.length - wrong.length };
  }

  /** While it changes: the new answers, `unknown`, and those besides. */
  #rightBeside(others: (query: string) => readonly Verdict[]): Stretch['right'] {
    const right = Object.entries(this.#truth).map(([query, verdict]): [string, readonly Verdict[]] => [
      query,
      [...new Set([...others(query), verdict, 'unknown' as const])],
    ]);
    return Object.fromEntries(right);
  }

  #begin(stretch: Stretch): void {
    // What was to be true later is overtaken.
    while ((this.#stretches.at(-1)?.sinceMs ?? 0) > stretch.sinceMs) this.#stretches.pop();
    this.#stretches.push(stretch);
  }

  /** Those that were the case at any time between question and answer. */
  #stretchesOf({ askedMs, answeredMs }: KeptAnswer): Stretch[] {
    return this.#stretches.filter(({ sinceMs }, i) => {
      const endMs = this.#stretches[i + 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
      return sinceMs <= answeredMs && askedMs < endMs;
    });
  }

  async #ask(pod: PolledPod, query: string): Promise<KeptAnswer> {
    const { fetch, nowMs, isBusy } = this.#deps;
    const askedMs = nowMs();
    const got = await this.#get(fetch, `${pod.url}/api/v1/verdict?${query}`);
    const kept: KeptAnswer = { pod: pod.name, query, askedMs, answeredMs: nowMs(), isBusy: false, ...got };
    this.answers.push(kept);
    if (this.faultOf(kept) !== '') kept.isBusy = await isBusy(pod.url).catch(() => false);
    return kept;
  }

  async #get(fetch: PollDeps['fetch'], url: string): Promise<Pick<KeptAnswer, 'answer' | 'fault'>> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      const answer = parseVerdict(await response.json());
      const form = `${response.status} ${response.headers.get('content-type')}`;
      return { answer, fault: form === `${STATUS[answer.verdict]} application/json` ? '' : form };
    } catch (error) {
      return { answer: null, fault: String(error) };
    }
  }
}

/**
 * That probes fail or are slow is what being short of CPU looks like, and so is a pod that says itself that it got none:
 * by the time that is asked for it may be over. Calling a fault healthy is never excused, nor a form that is not as
 * documented.
 */
function isExcused({ query, answer, fault, isBusy }: KeptAnswer): boolean {
  if (answer === null) return isBusy;
  const isShort = isBusy || isStarved(answer);
  return isShort && fault === '' && !(answer.verdict === 'pass' && query.includes('healthy'));
}

/** Whether nothing can be said because a pod got no CPU. */
function isStarved(answer: VerdictAnswer | null): boolean {
  return answer?.verdict === 'unknown' && answer.reason.includes('(starved)');
}
