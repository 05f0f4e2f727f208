import { expect, vi } from 'vitest';
import { type Comparison, parseComparison, parseReport, type ReportData } from '../../server/protocol/comparison.ts';
import { parseEvents } from '../../server/protocol/event.ts';
import { parseVerdict, type VerdictAnswer } from '../../server/protocol/verdict.ts';
import { eventually } from './eventually.ts';
import { CHAOS, Experiment } from './experiment.ts';
import { type Truth, VerdictPoll } from './verdict-poll.ts';

/** Short, so that the walk is; pods ping every second, and the chaos pod twice. */
const WINDOW_MS = 3_000;
/** Three samples of each link, and a late one. */
const SAMPLES_MS = 3_600;
export const HEALTHY = 'window=3s&expect=healthy';
export const SLOW = `window=3s&expect=latency>=120ms,to=pod:${CHAOS},self=exclude`;
export const DOWN = `window=3s&expect=failed,to=${CHAOS}`;

/** Waits for a condition; not as often as one can, for each question has all pods asked, and those who wait starve them. */
export function seldom<T>(condition: () => T | Promise<T>, timeoutMs = 30_000): Promise<T> {
  return vi.waitFor(condition, { timeout: timeoutMs, interval: 250 });
}

/** A range of the past with its report. */
export interface Range {
  report: ReportData;
  /** The comparison of the same ranges. */
  comparison: Comparison;
  page: Response;
  fromMs: number;
}

/** An experiment, all pods of which are asked every second what they say of it. */
export class PolledExperiment {
  readonly experiment: Experiment;
  readonly poll: VerdictPoll;

  private constructor(experiment: Experiment) {
    const pods = () => experiment.ready().map((pod) => ({ name: pod.name, url: experiment.urlOf(pod) }));
    const isBusy = (url: string) => experiment.isBusy(url);
    this.experiment = experiment;
    this.poll = new VerdictPoll({ fetch, nowMs: Date.now, pods, isBusy, windowMs: WINDOW_MS });
  }

  /** Starts three pods, of which this is true. */
  static async start(truth: Truth): Promise<PolledExperiment> {
    const walk = new PolledExperiment(await Experiment.start());
    walk.poll.change(truth);
    walk.poll.start();
    return walk;
  }

  /** Changes something by a command of docs/experiments.md, after which this will be true. Pods may come or go, or their links change. */
  change(truth: Truth, ...args: string[]): Promise<string> {
    this.poll.change(truth, args[0] === 'toxic' ? [] : Object.keys(truth));
    return this.experiment.command(...args);
  }

  /** Waits until every pod answers right, of so many links if that is said. Gives the answers to HEALTHY. */
  async settled(links?: number): Promise<VerdictAnswer[]> {
    this.poll.changed();
    const ask = async () => {
      const round = await this.poll.round();
      expect(round.map((one) => this.poll.lacks(one)).filter((lack) => lack !== '')).toEqual([]);
      // Starved pods tell nothing.
      const answers = round.flatMap(({ query, answer }) => (query === HEALTHY && answer !== null ? [answer] : []));
      const told = answers.filter(({ verdict }) => verdict !== 'unknown');
      if (links !== undefined) expect(told.filter((answer) => answer.links_checked !== links)).toEqual([]);
      return told;
    };
    // On a busy machine few windows are without a ping that failed.
    const told = await seldom(ask, 100_000);
    this.poll.settle();
    return told;
  }

  /** What a pod that is not in the experiment answers at a path below `/api/v1/`. */
  ask(path: string): Promise<Response> {
    return fetch(`http://${this.experiment.witness.ip}:8080/api/v1/${path}`);
  }

  /** What it says to a question now. */
  async verdict(query: string): Promise<VerdictAnswer> {
    return parseVerdict(await (await this.ask(`verdict?${query}`)).json());
  }

  /** Adds 150 ms to the chaos pod for a few samples, all having been well since `okMs`, and gives the report on that. */
  async slowed(okMs: number): Promise<Range> {
    const { experiment } = this;
    const fast: Truth = { [HEALTHY]: 'pass', [SLOW]: 'fail', [DOWN]: 'fail' };
    await eventually(() => expect(Date.now() - okMs).toBeGreaterThan(SAMPLES_MS));
    const fromMs = Date.now();
    const latency = ['toxic', 'add', '--type', 'latency', '--a', 'latency=150', '--upstream', 'chaos'];
    await this.change({ ...fast, [SLOW]: 'pass' }, ...latency);
    for (const { verdict } of await this.settled()) expect(verdict).toBe('pass');
    const slow = await this.verdict(SLOW);
    if (slow.verdict === 'pass') expect(slow).toMatchObject({ links_checked: 3, violations: [] });
    await this.#told('link-slow', fromMs);
    // A ping that is already fast again must not be the last one of the range.
    const toMs = Date.now() - 100;
    await this.change(fast, 'toxic', 'remove', '-n', 'latency_upstream', 'chaos');
    const times = ['--from', String(fromMs), '--to', String(toMs)];
    await experiment.command('annotate', '<b>150 ms</b>', ...times);
    await this.settled();
    await this.#told('link-normal', toMs);

    const expected = encodeURIComponent(`latency>=120ms,to=${CHAOS}`);
    // With a range "after" of its own: the default one ends now, and grows from one request to the next.
    const after = `after=${toMs}-${Date.now()}`;
    const query = `from=${fromMs}&to=${toMs}&before=${okMs}-${fromMs}&${after}&expect=${expected}`;
    const report = parseReport(await (await this.ask(`report?${query}&format=json`)).json());
    const comparison = parseComparison(await (await this.ask(`comparison?${query}`)).json());
    return { report, comparison, page: await this.ask(`report?${query}`), fromMs };
  }

  /**
   * Waits for three samples of each link since then, and until a link into the chaos pod has been told to have become so:
   * pods that are short of CPU trust their samples too little to tell, and the report lacks it then.
   */
  async #told(kind: 'link-slow' | 'link-normal', sinceMs: number): Promise<void> {
    await eventually(() => expect(Date.now() - sinceMs).toBeGreaterThan(SAMPLES_MS));
    const isTold = async () => {
      const { events } = parseEvents(await (await this.ask(`events?from=${sinceMs}`)).json());
      expect(events.some((event) => event.kind === kind && event.pod?.name === CHAOS)).toBe(true);
    };
    await seldom(isTold, 10_000).catch(() => {});
  }
}
