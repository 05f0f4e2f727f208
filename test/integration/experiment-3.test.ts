import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEvents } from '../../server/protocol/event.ts';
import { eventually } from '../support/eventually.ts';
import { Experiment, linksOf, roundPayload } from '../support/experiment.ts';

const NAME = 'goldpinger-slo';
/** How long the policy waits before it asks. */
const OBJECTIVE_MS = 30_000;

let experiment: Experiment;
const good = roundPayload();
const bad = roundPayload('ghcr.io/nobody/unknown:1');
let startedMs: number;
beforeAll(async () => {
  // The Kubernetes API tells times in whole seconds, cut down.
  startedMs = Date.now() - 1_000;
  experiment = await Experiment.start();
  await eventually(async () => expect(await experiment.health()).toBe(200));
});
afterAll(async () => {
  await experiment?.stop();
  for (const { remove } of [good, bad]) remove();
});

/** The status of /healthz through the Service, 0 if nobody answers. */
async function probe(): Promise<number> {
  const url = (await experiment.command('service', '--url', NAME)).trim();
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1000) }).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.status ?? 0;
}

/** The stage of a round's pod as the witness has it; those of earlier rounds have the same name. */
const stageOf = async (uid: string) => (await experiment.mesh()).pods.find((pod) => pod.uid === uid)?.lifecycle;

/** What the timeline keeps of a pod, by a pod that was not in the round. */
async function eventsOf(uid: string): Promise<string[]> {
  const answer = await fetch(`http://${experiment.witness.ip}:8080/api/v1/events?from=${startedMs}&to=${Date.now()}`);
  const { events } = parseEvents(await answer.json());
  return events.filter(({ pod }) => pod?.uid === uid).map(({ kind }) => kind);
}

describe('experiment 3', () => {
  it('a round that succeeds: created, answers in time, is one of the mesh, deleted', async () => {
    const startMs = performance.now();
    expect(await experiment.command('apply', '-f', good.file)).toBe(`pod/${NAME} created\nservice/${NAME} created\n`);
    await eventually(async () => expect(await probe()).toBe(200), OBJECTIVE_MS);
    expect(performance.now() - startMs).toBeLessThan(OBJECTIVE_MS);
    // PowerfulSeal asks at the cluster IP.
    const { hostname } = new URL((await experiment.command('service', '--url', NAME)).trim());
    const stored = JSON.parse(await experiment.command('get', 'services', NAME, '-o', 'json'));
    expect(JSON.stringify(stored)).toContain(`"clusterIP":"${hostname}"`);
    const { uid } = experiment.pod(NAME);
    await eventually(async () => {
      expect(await stageOf(uid)).toBe('ready');
      const links = [...linksOf(await experiment.mesh())].filter(([pair]) => pair.includes(NAME));
      expect(links.map(([, { outcome }]) => outcome)).toEqual(Array(7).fill('ok'));
    });
    await experiment.command('delete', '-f', good.file, '--force');
    await eventually(async () => expect(await stageOf(uid)).toBe('gone'));
    await eventually(async () =>
      expect(await eventsOf(uid)).toEqual(expect.arrayContaining(['pod-ready', 'pod-gone'])),
    );
  });

  it('a round that fails: says why, answers nothing, disturbs nobody, and is remembered', async () => {
    await experiment.command('apply', '-f', bad.file);
    await eventually(async () => expect(await experiment.command('get', 'pods', NAME)).toContain('ImagePullBackOff'));
    expect(await probe()).toBe(0);
    const { uid } = experiment.pod(NAME);
    await eventually(async () => {
      expect(await stageOf(uid)).toBe('starting');
      expect(await experiment.health()).toBe(200);
    });
    await experiment.command('delete', '-f', bad.file, '--force');
    await eventually(async () => expect(await stageOf(uid)).toBe('gone'));
    await eventually(async () => {
      const kinds = await eventsOf(uid);
      expect(kinds).toEqual(expect.arrayContaining(['pod-seen', 'pod-gone']));
      expect(kinds).not.toContain('pod-ready');
    });
  });
});
