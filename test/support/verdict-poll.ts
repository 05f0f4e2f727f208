import { parseVerdict, VERDICTS, type VerdictAnswer } from '../../server/protocol/verdict.ts';

type Verdict = VerdictAnswer['verdict'];

/** The right verdict by question (the query of `/api/v1/verdict`). */
export type Truth = Readonly<Record<string, Verdict>>;

/** A pod that is asked for verdicts. */
export interface PolledPod {
  name: string;
  url: string;
}

/** One answer to a client. */
export interface KeptAnswer {
  pod: string;
  query: string;
  askedMs: number;
  answeredMs: number;
  /** null if there was no valid answer; `fault` says why. */
  answer: VerdictAnswer | null;
  fault: string;
  /** Whether the pods were short of CPU then. Only determined if the answer is wrong. */
  isBusy: boolean;
}

export interface PollDeps {
  fetch: typeof fetch;
  nowMs: () => number;
  /** Those that are ready now. */
  pods: () => readonly PolledPod[];
  /** Whether the pods are short of CPU, according to the pod at `url`. */
  isBusy: (url: string) => Promise<boolean>;
  windowMs: number;
}

/** The right answers by question from `sinceMs` until the next period. */
interface Period {
  sinceMs: number;
  isSettled: boolean;
  right: Readonly<Record<string, readonly Verdict[]>>;
}

const STATUS = { pass: 200, fail: 503, unknown: 425 };
const EVERY_MS = 1000;
/** A pod report may be two seconds old, and a probe that began before a change ends after it. */
const LATE_MS = 3000;
/** A missing report is replaced by one up to two seconds old, and a mesh is shared by clients that ask within 0.3 s. */
const OLDEST_REPORT_MS = 2500;

/**
 * Asks every pod every question once a second, as chaos tools do. It keeps each answer with its time, and judges it by what
 * was true then. While something changes, the old answer, the new one and `unknown` are right. When the whole window lies
 * after the change, the old answer is wrong. When all pods have given the new answer, only that is right until the next
 * change. On a machine that is short of CPU probes fail; this excuses an answer, but never a pass of `healthy`.
 */
export class VerdictPoll {
  readonly answers: KeptAnswer[] = [];
  readonly #deps: PollDeps;
  readonly #periods: Period[] = [];
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

  /** Stops asking; resolves when all answers have arrived. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  /**
   * A change begins, after which `next` will be true. Only its questions are asked from now on. To the questions in `open`
   * any answer is right during the change, because links into a pod that starts or ends may fail.
   */
  change(next: Truth, open: readonly string[] = []): void {
    const sinceMs = this.#deps.nowMs();
    const before = this.#periods.findLast((period) => period.sinceMs <= sinceMs)?.right ?? {};
    this.#truth = next;
    this.#begin({
      sinceMs,
      isSettled: false,
      right: this.#rightBeside((query) => (open.includes(query) ? VERDICTS : (before[query] ?? []))),
    });
  }

  /** The change is over. When the whole window lies after it, the old answers are wrong. */
  changed(): void {
    const sinceMs = this.#deps.nowMs() + this.#deps.windowMs + LATE_MS;
    this.#begin({ sinceMs, isSettled: false, right: this.#rightBeside(() => []) });
  }

  /** All pods have given the new answers. From now on only those are right. */
  settle(): void {
    const right = Object.fromEntries(Object.entries(this.#truth).map(([query, verdict]) => [query, [verdict]]));
    this.#begin({ sinceMs: this.#deps.nowMs(), isSettled: true, right });
  }

  /**
   * A process has ended and not been replaced; to be called repeatedly while this is so. Until one window after its
   * replacement no verdict may pass on all `links` links, because the samples of the process are lost.
   */
  forget(links: number): void {
    const nowMs = this.#deps.nowMs();
    this.#forgot = { sinceMs: Math.min(this.#forgot.sinceMs, nowMs), toMs: nowMs + this.#deps.windowMs, links };
  }

  /** Asks all pods now, one after the other, because at once they would starve each other. Resolves with their answers. */
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

  /** Why this is not yet the new answer; '' if it is, or if the pod is starved and answers `unknown`. */
  lacks({ pod, query, answer, fault }: KeptAnswer): string {
    if (fault === '' && (answer?.verdict === this.#truth[query] || isStarved(answer))) return '';
    return `${pod}, ${query}: ${fault} ${answer?.verdict} ${answer?.reason}, where ${this.#truth[query]} is to come`;
  }

  /** The reason why an answer is wrong; '' if it is right. */
  faultOf(one: KeptAnswer): string {
    const text = `${one.pod}, ${one.query}: ${one.fault} ${JSON.stringify(one.answer)}`;
    const periods = this.#periodsOf(one).filter(({ right }) => one.query in right);
    if (periods.length === 0) return '';
    if (one.answer === null) return periods.some(({ isSettled }) => !isSettled) ? '' : text;
    if (one.fault !== '') return text;
    const { verdict, links_checked: links } = one.answer;
    const { sinceMs, toMs, links: all } = this.#forgot;
    const isForgotten = one.askedMs > sinceMs + OLDEST_REPORT_MS && one.answeredMs < toMs;
    if (verdict === 'pass' && isForgotten && links >= all) return `${text}, although samples were lost`;
    const right = periods.flatMap((period) => period.right[one.query] ?? []);
    return right.includes(verdict) ? '' : `${text}, where ${right.join(' or ')} is right`;
  }

  /** All that is wrong, and how many answers were excused. */
  judged(): { wrong: string[]; excused: number } {
    const faulty = this.answers.filter((one) => this.faultOf(one) !== '');
    const wrong = faulty.filter((one) => !isExcused(one));
    return { wrong: wrong.map((one) => this.faultOf(one)), excused: faulty.length - wrong.length };
  }

  /** The right answers during a change: the new ones, `unknown`, and `others`. */
  #rightBeside(others: (query: string) => readonly Verdict[]): Period['right'] {
    const right = Object.entries(this.#truth).map(([query, verdict]): [string, readonly Verdict[]] => [
      query,
      [...new Set([...others(query), verdict, 'unknown' as const])],
    ]);
    return Object.fromEntries(right);
  }

  #begin(period: Period): void {
    // The new period replaces those that would have begun later.
    while ((this.#periods.at(-1)?.sinceMs ?? 0) > period.sinceMs) this.#periods.pop();
    this.#periods.push(period);
  }

  /** The periods that overlap the time between question and answer. */
  #periodsOf({ askedMs, answeredMs }: KeptAnswer): Period[] {
    return this.#periods.filter(({ sinceMs }, i) => {
      const endMs = this.#periods[i + 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
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
 * Whether a wrong answer is excused because the pods were short of CPU, or because a pod says so in its answer: the
 * shortage may be over when `isBusy` is asked. A pass of `healthy` during a fault and a wrong form are never excused.
 */
function isExcused({ query, answer, fault, isBusy }: KeptAnswer): boolean {
  if (answer === null) return isBusy;
  const isShort = isBusy || isStarved(answer);
  return isShort && fault === '' && !(answer.verdict === 'pass' && query.includes('healthy'));
}

/** Whether the verdict is `unknown` because a pod was starved. */
function isStarved(answer: VerdictAnswer | null): boolean {
  return answer?.verdict === 'unknown' && answer.reason.includes('(starved)');
}
