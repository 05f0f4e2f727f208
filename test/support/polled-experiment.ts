import { expect } from 'vitest';
import { parseComparison, parseReport } from '../../server/protocol/comparison.ts';
import { parseEvents } from '../../server/protocol/event.ts';
import { parseVerdict, type VerdictAnswer } from '../../server/protocol/verdict.ts';
import { eventually } from './eventually.ts';
import { CHAOS, Experiment } from './experiment.ts';
import { type Truth, VerdictPoll } from './verdict-poll.ts';

/** Short, so that the test is short. Pods ping every second, and the chaos pod twice a second. */
const WINDOW_MS = 3_000;
/** In this time each link gets three samples, even if one is late. */
const SAMPLES_MS = 3_600;
export const HEALTHY = 'window=3s&expect=healthy';
export const SLOW = `window=3s&expect=latency>=120ms,to=pod:${CHAOS},self=exclude`;
export const DOWN = `window=3s&expect=failed,to=${CHAOS}`;

/** Waits for a condition that asks pods. It is checked only four times a second, because each check costs the pods CPU. */
export function eventuallySlow<T>(condition: () => T | Promise<T>, timeoutMs = 30_000): Promise<T> {
  return eventually(condition, timeoutMs, 250);
}

/** An experiment whose pods are asked for verdicts every second. */
export class PolledExperiment {
  readonly experiment: Experiment;
  readonly poll: VerdictPoll;

  private constructor(experiment: Experiment) {
    const pods = () => experiment.ready().map((pod) => ({ name: pod.name, url: experiment.urlOf(pod) }));
    const isBusy = (url: string) => experiment.isBusy(url);
    this.experiment = experiment;
    this.poll = new VerdictPoll({ fetch, nowMs: Date.now, pods, isBusy, windowMs: WINDOW_MS });
  }

  /** Starts three pods; `truth` holds at the start. */
  static async start(truth: Truth): Promise<PolledExperiment> {
    const walk = new PolledExperiment(await Experiment.start());
    walk.poll.change(truth);
    walk.poll.start();
    return walk;
  }

  /** Runs a command of docs/experiments.md, after which `truth` will hold. It may add or delete pods, or change their links. */
  change(truth: Truth, ...args: string[]): Promise<string> {
    this.poll.change(truth, args[0] === 'toxic' ? [] : Object.keys(truth));
    return this.experiment.command(...args);
  }

  /** Waits until every pod gives the right answers, about `links` links if given. Gives the answers to HEALTHY. */
  async settled(links?: number): Promise<VerdictAnswer[]> {
    this.poll.changed();
    const ask = async () => {
      const round = await this.poll.round();
      expect(round.map((one) => this.poll.lacks(one)).filter((lack) => lack !== '')).toEqual([]);
      // Starved pods answer `unknown`.
      const answers = round.flatMap(({ query, answer }) => (query === HEALTHY && answer !== null ? [answer] : []));
      const judged = answers.filter(({ verdict }) => verdict !== 'unknown');
      if (links !== undefined) expect(judged.filter((answer) => answer.links_checked !== links)).toEqual([]);
      return judged;
    };
    // On a busy machine pings fail in most windows, so this may take long.
    const judged = await eventuallySlow(ask, 100_000);
    this.poll.settle();
    return judged;
  }

  /** The answer of a pod that is not in the experiment at a path below `/api/v1/`. */
  ask(path: string): Promise<Response> {
    return fetch(`http://${this.experiment.witness.ip}:8080/api/v1/${path}`);
  }

  /** Its verdict on a question now. */
  async verdict(query: string): Promise<VerdictAnswer> {
    return parseVerdict(await (await this.ask(`verdict?${query}`)).json());
  }

  /** Adds 150 ms to the chaos pod for a few samples; gives report, comparison and page of it. All links were healthy since `okMs`. */
  async slowed(okMs: number) {
    const { experiment } = this;
    const fast: Truth = { [HEALTHY]: 'pass', [SLOW]: 'fail', [DOWN]: 'fail' };
    await eventually(() => expect(Date.now() - okMs).toBeGreaterThan(SAMPLES_MS));
    const fromMs = Date.now();
    const latency = ['toxic', 'add', '--type', 'latency', '--a', 'latency=150', '--upstream', 'chaos'];
    await this.change({ ...fast, [SLOW]: 'pass' }, ...latency);
    for (const { verdict } of await this.settled()) expect(verdict).toBe('pass');
    const slow = await this.verdict(SLOW);
    if (slow.verdict === 'pass') expect(slow).toMatchObject({ links_checked: 3, violations: [] });
    await this.#seen('link-slow', fromMs);
    // Three slow samples of every link: with two, and a failure of before the proxy, a link is intermittent.
    const isPodSlow = async () => {
      const { findings } = (await (await this.ask('findings')).json()) as { findings: { kind: string }[] };
      expect(findings.map(({ kind }) => kind)).toContain('pod-slow');
    };
    await eventuallySlow(isPodSlow, 10_000).catch(() => {});
    // A ping that is already fast again must not be the last one of the range.
    const toMs = Date.now() - 100;
    await this.change(fast, 'toxic', 'remove', '-n', 'latency_upstream', 'chaos');
    const times = ['--from', String(fromMs), '--to', String(toMs)];
    await experiment.command('annotate', '<b>150 ms</b>', ...times);
    await this.settled();
    await this.#seen('link-normal', toMs);

    const expected = encodeURIComponent(`latency>=120ms,to=${CHAOS}`);
    // With a range "after" of its own: the default one ends now, and grows from one request to the next.
    const after = `after=${toMs}-${Date.now()}`;
    const query = `from=${fromMs}&to=${toMs}&before=${okMs}-${fromMs}&${after}&expect=${expected}`;
    const report = parseReport(await (await this.ask(`report?${query}&format=json`)).json());
    const comparison = parseComparison(await (await this.ask(`comparison?${query}`)).json());
    return { report, comparison, page: await this.ask(`report?${query}`), fromMs };
  }

  /**
   * Waits for three samples of each link since `sinceMs`, and for an event that a link into the chaos pod has changed.
   * Pods that are short of CPU may report no event, because they do not trust their samples. The report lacks it then.
   */
  async #seen(kind: 'link-slow' | 'link-normal', sinceMs: number): Promise<void> {
    await eventually(() => expect(Date.now() - sinceMs).toBeGreaterThan(SAMPLES_MS));
    const isSeen = async () => {
      const { events } = parseEvents(await (await this.ask(`events?from=${sinceMs}`)).json());
      expect(events.some((event) => event.kind === kind && event.pod?.name === CHAOS)).toBe(true);
    };
    await eventuallySlow(isSeen, 10_000).catch(() => {});
  }
}
