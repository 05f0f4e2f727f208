import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseVerdict, type VerdictAnswer } from '../../server/contract/verdict.ts';
import { CHAOS, Experiment, MANIFEST } from '../experiment.ts';
import { soon } from './server-process.ts';

/** Three samples of each link: its window is as short as can be, so that the walk is. */
const WINDOW = 'window=3s';
const HEALTHY = `${WINDOW}&expect=healthy`;
const SLOW = `${WINDOW}&expect=latency>=200ms,to=pod:${CHAOS},self=exclude`;
const DOWN = `${WINDOW}&expect=failed,to=${CHAOS}`;
const STATUS = { pass: 200, fail: 503, unknown: 425 };
/** Tools give up after a second; the machine of a test may be busy. */
const LONGEST_MS = 1_500;

let experiment: Experiment;
let poll: Poll;
beforeAll(async () => {
  experiment = await Experiment.start();
  poll = new Poll(HEALTHY);
});
afterAll(() => {
  poll?.stop();
  return experiment?.stop();
});

/** Asks the pods in turn, one each second as a chaos tool does, whether all is as it should be by then. */
class Poll {
  /** What must be answered; null while something is being changed. */
  #due: VerdictAnswer['verdict'] | null = null;
  #turn = 0;
  readonly #timer: NodeJS.Timeout;
  /** Answers to questions while nothing changed, and those of them that were wrong. */
  answers = 0;
  readonly wrong: string[] = [];

  constructor(query: string) {
    this.#timer = setInterval(() => void this.#ask(query), 1_000);
  }

  /** From now on something changes; any answer may be right. */
  change(): void {
    this.#due = null;
    this.#turn += 1;
  }

  /** From now on this is the right answer. */
  settle(due: VerdictAnswer['verdict'] | undefined): void {
    this.#due = due ?? null;
    this.#turn += 1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(query: string): Promise<void> {
    const [due, turn] = [this.#due, this.#turn];
    if (due === null) return;
    const pods = experiment.cluster.pods().filter(({ name, ready }) => ready && name !== CHAOS);
    const pod = pods[this.answers % pods.length];
    if (pod === undefined) return;
    const answer = await ask(pod.ip, query).catch((error: unknown) => error);
    if (turn !== this.#turn) return;
    this.answers += 1;
    if (answer instanceof Error) this.wrong.push(`${pod.name}: ${answer.message}`);
    else if (!isStarved(answer as VerdictAnswer) && (answer as VerdictAnswer).verdict !== due) {
      this.wrong.push(`${pod.name}: ${JSON.stringify(answer)} where ${due} is right`);
    }
  }
}

/** Changes something; until all answers are as expected again the poll takes any. */
function change(...args: string[]): Promise<string> {
  poll.change();
  return experiment.command(...args);
}

/** Asks one pod as a chaos tool does. */
async function ask(ip: string, query: string, port = 8080): Promise<VerdictAnswer> {
  const startMs = performance.now();
  const answer = await fetch(`http://${ip}:${port}/api/v1/verdict?${query}`);
  const verdict = parseVerdict(await answer.json());
  expect(performance.now() - startMs).toBeLessThan(LONGEST_MS);
  expect([answer.headers.get('content-type'), answer.status]).toEqual(['application/json', STATUS[verdict.verdict]]);
  return verdict;
}

/** Asks every pod but the one in the experiment, all at once. */
function askAll(query: string): Promise<VerdictAnswer[]> {
  const pods = experiment.cluster.pods().filter(({ name, ready }) => ready && name !== CHAOS);
  return Promise.all(pods.map(({ ip }) => ask(ip, query)));
}

/** On a busy machine pods are starved, and so the right answer is that nothing is known. */
const isStarved = ({ verdict, reason }: VerdictAnswer) => verdict === 'unknown' && reason.includes('(starved)');

/**
 * Waits until every pod says so, then asks each once more a second later: an answer that is right stays right. Gives the
 * answers to the first question, without those of starved pods.
 */
async function untilAll(expected: Record<string, VerdictAnswer['verdict']>): Promise<VerdictAnswer[]> {
  const all = async () => {
    const answers = await Promise.all(Object.keys(expected).map(askAll));
    const wanted = Object.values(expected);
    const told = answers.map((list, i) => list.map((answer) => (isStarved(answer) ? wanted[i] : answer.verdict)));
    const reasons = answers.flat().map(({ reason }) => reason);
    expect(told, reasons.join('\n')).toEqual(wanted.map((verdict) => Array(3).fill(verdict)));
    return (answers[0] ?? []).filter((answer) => !isStarved(answer));
  };
  await soon(all, 30_000);
  poll.settle(expected[HEALTHY]);
  const askedMs = Date.now();
  await soon(() => expect(Date.now() - askedMs).toBeGreaterThan(1_000));
  return soon(all);
}

describe('the verdict on experiment 2, asked of every pod', () => {
  it('is healthy at first, and nothing is known of a pod that is not there', async () => {
    for (const answer of await untilAll({ [HEALTHY]: 'pass', [SLOW]: 'unknown' })) {
      expect(answer).toMatchObject({ links_checked: 9, links_failed: 0, missing_rows: [], violations: [] });
    }
    for (const { reason } of await askAll(SLOW)) expect(reason).toContain('no pod is as to= says');
  });

  it('fails to be healthy while the new pod refuses', async () => {
    await change('apply', '-f', MANIFEST);
    for (const { missing_rows, violations } of await untilAll({ [HEALTHY]: 'fail', [DOWN]: 'pass', [SLOW]: 'fail' })) {
      expect(missing_rows).toContain(CHAOS);
      for (const { to, found } of violations) expect([to, found]).toEqual([CHAOS, 'refused in connect']);
    }
    const behind = await ask(experiment.pod(CHAOS).ip, HEALTHY, 9090);
    expect(isStarved(behind) || behind.verdict === 'fail', behind.reason).toBe(true);
  });

  it('is healthy through the proxy, and passes as slow and healthy with 220 ms', async () => {
    await change('toxic', 'create', 'chaos', '-l', '0.0.0.0:8080', '-u', 'localhost:9090');
    await untilAll({ [HEALTHY]: 'pass', [SLOW]: 'fail', [DOWN]: 'fail' });
    await change('toxic', 'add', '--type', 'latency', '--a', 'latency=220', '--upstream', 'chaos');
    for (const answer of await untilAll({ [SLOW]: 'pass', [HEALTHY]: 'pass' })) {
      expect(answer).toMatchObject({ links_checked: 3, violations: [] });
      expect(answer.p50_ms).toBeGreaterThan(219);
    }
    const findings = await fetch(`http://${experiment.witness.ip}:8080/api/v1/findings`);
    const { findings: told } = (await findings.json()) as { findings: { kind: string; title: string }[] };
    const causes = told.filter(({ kind }) => !kind.startsWith('row-'));
    for (const { kind, title } of causes) {
      if (kind !== 'pod-slow') continue;
      expect(title).toMatch(/^goldpinger-chaos: slow from .*, first byte only: process or proxy, not the network$/);
    }
  });

  it('fails with 350 ms, which is too late, and recovers', async () => {
    await change('toxic', 'update', '-n', 'latency_upstream', '-a', 'latency=350', 'chaos');
    for (const { violations } of await untilAll({ [HEALTHY]: 'fail', [DOWN]: 'pass' })) {
      expect(violations.map(({ to }) => to)).toContain(CHAOS);
    }
    await change('toxic', 'remove', '-n', 'latency_upstream', 'chaos');
    await untilAll({ [HEALTHY]: 'pass', [DOWN]: 'fail' });
  });

  it('of experiment 1b: a killed pod is not missed, and unknown from then on', async () => {
    await change('delete', '-f', MANIFEST, '--force');
    const victim = experiment.witness;
    poll.change();
    experiment.cluster.deletePod(victim.name, { graceSeconds: 0 });
    await soon(() => expect(experiment.cluster.pods().filter(({ ready }) => ready)).toHaveLength(3));
    const killed = `${WINDOW}&expect=healthy,to=${victim.name}`;
    for (const answer of await untilAll({ [HEALTHY]: 'pass', [killed]: 'unknown' })) {
      expect(answer).toMatchObject({ links_checked: 9, links_failed: 0, missing_rows: [] });
    }
  });

  it('was right whenever one of them was asked, once a second', async () => {
    await soon(() => expect(poll.answers).toBeGreaterThan(5), 30_000);
    expect(poll.wrong).toEqual([]);
  });
});

describe('a question', () => {
  const get = (query: string) => fetch(`http://${experiment.witness.ip}:8080/api/v1/verdict${query}`);

  it('with a mistake is 400, with its place', async () => {
    const answer = await get('?expect=healthy&expect=latency>200');
    const message = 'expect 2 in query, character 9: expected a duration such as 300ms, 1.5s or 1m30s, not "200"';
    expect([answer.status, await answer.json()]).toEqual([400, { code: 400, message }]);
    expect((await get('?status=200')).status).toBe(400);
  });

  it('of those who read JSON only, or a body only', async () => {
    const json = await get('?expect=healthy,to=nobody&status=always200');
    expect([json.status, ((await json.json()) as VerdictAnswer).verdict]).toEqual([200, 'unknown']);
    const bool = await get('?expect=healthy,to=nobody&format=bool');
    expect([bool.status, bool.headers.get('content-type'), await bool.text()]).toEqual([425, 'text/plain', 'false']);
  });

  it('of the past', async () => {
    const answer = parseVerdict(await (await get(`?start=${Date.now() - 3_000}&expect=healthy,from=nobody`)).json());
    expect(answer).toMatchObject({ verdict: 'unknown' });
    expect(answer.reason).toContain('no pod is as from= says');
  });

  it.each(snippets())('as the documentation puts it, in %s', async (_language, text, paths) => {
    expect(typeof (text.startsWith('import') ? text : parse(text))).not.toBe('undefined');
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      const answer = await fetch(`http://${experiment.witness.ip}:8080${path}`);
      expect(parseVerdict(await answer.json()).expect.length).toBeGreaterThan(0);
    }
  });
});

/** The snippets of the documentation: language, text, and what they ask. */
function snippets(): [string, string, string[]][] {
  const text = readFileSync('docs/verdicts.md', 'utf8');
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, language]) => language !== '');
  return blocks.map(([, language = '', body = '']) => [
    language,
    body,
    [...body.matchAll(/\/api\/v1\/verdict[^\s"']*/g)].map(([path]) => path),
  ]);
}
