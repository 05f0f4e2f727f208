import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annotateCluster } from '../../deploy/local/client/commands.ts';
import { type LocalCluster, startCluster } from '../../deploy/local/cluster.ts';
import { type Annotations, parseAnnotations } from '../../server/protocol/annotation.ts';
import { type Events, parseEvents } from '../../server/protocol/event.ts';
import { eventually } from '../support/eventually.ts';
import { meshOf } from '../support/stub-mesh.ts';

const TOKEN = 'a token for this test';
let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startCluster({
    pods: 3,
    intervalS: 1,
    writeToken: TOKEN.replaceAll(' ', '-'),
    serverEnv: { SHUTDOWN_GRACE: '1s' },
  });
  await cluster.ready();
  // A pod is ready before it knows the others.
  for (const url of urls()) await knowsAll(url);
}, 90_000);

afterAll(() => cluster.stop());

const urls = () => cluster.pods().map(({ ip }) => `http://${ip}:8080`);
const jsonOf = async (url: string): Promise<unknown> => (await fetch(url)).json();
const knowsAll = (url: string) =>
  eventually(async () => {
    const { pods } = await meshOf({ url });
    expect(pods.filter(({ lifecycle }) => lifecycle === 'ready')).toHaveLength(3);
  });
const eventsOf = async (url: string): Promise<Events> => parseEvents(await jsonOf(`${url}/api/v1/events`));
const annotationsOf = async (url: string): Promise<Annotations> =>
  parseAnnotations(await jsonOf(`${url}/api/v1/annotations`));
const mark = (text: string) => ({ text, from: undefined, to: undefined, id: undefined, tags: ['test'] });

describe('annotations', () => {
  it('written at one pod are read at all, also after the writer has gone', async () => {
    const [writer] = cluster.pods();
    const told = await annotateCluster(`http://${writer!.ip}:8080`, 'a-token-for-this-test', mark('before the kill'));
    expect(told).toMatch(/^annotation "[\w-]+" set, 3 pods have it\n$/);
    cluster.deletePod(writer!.name, { graceSeconds: 0 });
    await eventually(() =>
      expect(cluster.pods().filter(({ ready, uid }) => ready && uid !== writer!.uid)).toHaveLength(3),
    );
    for (const url of urls()) {
      await knowsAll(url);
      const [annotation, ...others] = (await annotationsOf(url)).annotations;
      expect(annotation).toMatchObject({ text: 'before the kill', tags: ['test'], toMs: null });
      expect(Math.abs((annotation?.fromMs ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(others).toEqual([]);
    }
  });

  it('are not taken from those who do not know the token, and then nothing has changed', async () => {
    const [url = ''] = urls();
    await expect(annotateCluster(url, 'a-token-for-another-test', mark('forged'))).rejects.toThrow(/WRITE_TOKEN/);
    expect((await annotationsOf(url)).annotations.map(({ text }) => text)).toEqual(['before the kill']);
  });
});

describe('events', () => {
  it('of a pod that is killed are the same from every pod that saw it', async () => {
    const [victim, ...witnesses] = cluster.pods();
    const replacement = new Set(cluster.pods().map(({ uid }) => uid));
    const startMs = Date.now();
    cluster.deletePod(victim!.name, { graceSeconds: 0 });
    const asked = witnesses.map(({ ip }) => `http://${ip}:8080`);
    const seen = await eventually(async () => {
      const fresh = cluster.pods().find(({ uid }) => !replacement.has(uid));
      const all = await Promise.all(asked.map(eventsOf));
      const told = all.map(({ events }) =>
        events
          .filter(({ pod }) => pod?.uid === victim!.uid || pod?.uid === fresh?.uid)
          .filter(({ atMs }) => atMs >= startMs - 1000),
      );
      for (const events of told) {
        const kinds = events.map(({ kind, pod }) => `${kind} ${pod?.name}`);
        expect(kinds).toContain(`pod-gone ${victim!.name}`);
        expect(kinds).toContain(`pod-replaced ${victim!.name}`);
        expect(kinds).toContain(`pod-seen ${fresh!.name}`);
        expect(kinds).toContain(`pod-ready ${fresh!.name}`);
        // The two that remained and, where it was there in time, the replacement.
        expect(events.find(({ kind }) => kind === 'pod-gone')?.fromCount).toBeGreaterThanOrEqual(2);
      }
      const [first, second] = told.map((events) => events.map(({ atMs: _, ...event }) => event));
      expect(new Set(second)).toEqual(new Set(first));
      return told;
    });
    for (const events of seen) {
      const gone = events.find(({ kind }) => kind === 'pod-gone');
      expect(Math.abs((gone?.atMs ?? 0) - startMs)).toBeLessThan(10_000);
    }
  });
});
