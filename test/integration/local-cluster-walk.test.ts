import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annotateCluster } from '../../deploy/local/client/commands.ts';
import { type LocalCluster, startCluster } from '../../deploy/local/cluster.ts';
import { parseAnnotations } from '../../server/protocol/annotation.ts';
import { parseReport } from '../../server/protocol/comparison.ts';
import { parseEvents } from '../../server/protocol/event.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { parseVerdict } from '../../server/protocol/verdict.ts';
import { eventually } from '../support/eventually.ts';
import { linkOf, meshOf } from '../support/stub-mesh.ts';

const TOKEN = 'a-token-for-this-test';
let cluster: LocalCluster;
/** Of any pod: the service address picks one. */
const health = async () => (await fetch(`${cluster.serviceUrl}cluster_health`)).status;
const jsonOf = async (url: string): Promise<unknown> => (await fetch(url)).json();
const annotated = (url: string, token: string, text: string) =>
  annotateCluster(url, token, { text, from: undefined, to: undefined, id: undefined, tags: ['test'] });
const podNamed = (mesh: Mesh, name: string) => mesh.pods.find((pod) => pod.name === name);

beforeAll(async () => {
  cluster = await startCluster({ pods: 3, intervalS: 1, writeToken: TOKEN, serverEnv: { SHUTDOWN_GRACE: '1s' } });
  await cluster.ready();
}, 90_000);

afterAll(() => cluster.stop());

describe('three pods of a real cluster on loopback', { timeout: 120_000 }, () => {
  it('are all healthy soon after they are ready: each has pinged each', async () => {
    for (const { ip } of cluster.pods()) {
      await eventually(async () => {
        const mesh = await meshOf({ url: `http://${ip}:8080` });
        expect(mesh.health.ok).toBe(true);
        expect(mesh.pods.map(({ lifecycle }) => lifecycle)).toEqual(['ready', 'ready', 'ready']);
        expect(mesh.reports.map(({ missing, links }) => [missing, links.length])).toEqual(Array(3).fill(['', 3]));
        expect(new Set(mesh.pods.map(({ zone }) => zone)).size).toBeGreaterThan(1);
      });
    }
    expect(await health()).toBe(200);
  });

  it('one that is killed is gone with the time, its replacement is starting, then healthy, and named as such', async () => {
    const [victim, ...witnesses] = cluster.pods();
    // Always the same pod is asked: others may hear the news a moment later.
    const other = { url: `http://${witnesses[0]!.ip}:8080` };
    const known = new Set(cluster.pods().map(({ name }) => name));
    const written = await annotated(`http://${victim!.ip}:8080`, TOKEN, 'before the kill');
    expect(written).toMatch(/^annotation "[\w-]+" set, 3 pods have it\n$/);
    await expect(annotated(other.url, 'another-token-than-theirs', 'forged')).rejects.toThrow(/WRITE_TOKEN/);
    const killedMs = Date.now();
    // It is held in its start, which otherwise takes a quarter of a second, until it has been seen.
    let held = 0;
    const unsubscribe = cluster.onEvent(() => {
      const fresh = cluster.pods().find(({ name, pid }) => !known.has(name) && pid > 0);
      if (fresh === undefined || held !== 0) return;
      held = fresh.pid;
      process.kill(held, 'SIGSTOP');
    });
    cluster.deletePod(victim!.name, { graceSeconds: 0 });
    try {
      await eventually(async () => {
        const mesh = await meshOf(other);
        const gone = podNamed(mesh, victim!.name);
        expect(gone?.lifecycle).toBe('gone');
        expect(mesh.pods.find(({ name }) => !known.has(name))?.lifecycle).toBe('starting');
        // The API tells since when a pod is ready in whole seconds. Within the second of the loss it is not known how long it took.
        expect(Date.now()).toBeGreaterThan(Math.ceil(gone!.sinceMs / 1000) * 1000);
      });
    } finally {
      unsubscribe();
      if (held !== 0) process.kill(held, 'SIGCONT');
    }
    await eventually(async () => {
      expect((await fetch(`${other.url}/cluster_health`)).status).toBe(200);
      expect((await meshOf(other)).pods.filter(({ lifecycle }) => lifecycle === 'ready')).toHaveLength(3);
    });
    const mesh = await meshOf(other);
    const gone = podNamed(mesh, victim!.name);
    expect(gone?.lifecycle).toBe('gone');
    expect(gone!.sinceMs).toBeGreaterThan(killedMs - 2000);
    const replacement = mesh.pods.find(({ uid }) => uid === gone!.replacedBy);
    expect(replacement).toMatchObject({ lifecycle: 'ready' });
    expect(cluster.pods().map(({ uid }) => uid)).toContain(replacement!.uid);

    // The annotation has outlived the pod at which it was written, and is read at all.
    for (const { ip } of cluster.pods()) {
      const { annotations } = parseAnnotations(await jsonOf(`http://${ip}:8080/api/v1/annotations`));
      expect(annotations).toMatchObject([{ text: 'before the kill', tags: ['test'], toMs: null }]);
      expect(Math.abs(annotations[0]!.fromMs - killedMs)).toBeLessThan(60_000);
    }

    // Both pods that saw it give the same events.
    await eventually(async () => {
      const told = await Promise.all(
        witnesses.map(async ({ ip }) => {
          const { events } = parseEvents(await jsonOf(`http://${ip}:8080/api/v1/events`));
          return events.filter(({ pod }) => pod?.uid === victim!.uid || pod?.uid === replacement!.uid);
        }),
      );
      for (const events of told) {
        const kinds = events.map(({ kind, pod }) => `${kind} ${pod?.name}`);
        for (const kind of ['pod-gone', 'pod-replaced']) expect(kinds).toContain(`${kind} ${victim!.name}`);
        for (const kind of ['pod-seen', 'pod-ready']) expect(kinds).toContain(`${kind} ${replacement!.name}`);
        const lost = events.find(({ kind }) => kind === 'pod-gone');
        // By the two that remained and, where it was there in time, the replacement.
        expect(lost?.fromCount).toBeGreaterThanOrEqual(2);
        expect(Math.abs(lost!.atMs - killedMs)).toBeLessThan(10_000);
      }
      const [first, second] = told.map((events) => events.map(({ atMs: _, ...event }) => event));
      expect(new Set(second)).toEqual(new Set(first));
    });

    // Chaos tools and the report hear of the recovery, too, without naming the victim.
    const verdictUrl = `${other.url}/api/v1/verdict?window=60s`;
    await eventually(async () => {
      const answer = parseVerdict(await jsonOf(`${verdictUrl}&expect=recovered<30s`));
      expect(answer).toMatchObject({ verdict: 'pass', reason: '' });
    });
    const quick = parseVerdict(await jsonOf(`${verdictUrl}&expect=recovered<1ms`));
    expect(quick.violations[0]).toMatchObject({ to: victim!.name, found: expect.stringContaining(replacement!.name) });
    const reportUrl = `${other.url}/api/v1/report?from=${killedMs - 2000}&format=json`;
    const { title, lostPods, timeToRecover } = parseReport(await jsonOf(reportUrl));
    expect(title).toContain(`${victim!.name} lost at`);
    expect(lostPods).toMatchObject({ count: 1, pods: [{ name: victim!.name, replacedBy: replacement!.name }] });
    expect(timeToRecover).toMatchObject({ since: 'loss', ms: expect.any(Number) });
    expect(timeToRecover.ms).toBeLessThan(30_000);
  });

  it('one whose process hangs fails by timeout, also when it is not ready any more, and is healthy again when it goes on', async () => {
    await eventually(async () => expect(await health()).toBe(200));
    const [victim, witness] = cluster.pods().filter(({ ready }) => ready);
    // Not by the service address: it may pick the pod that hangs, as a Service would.
    const other = { url: `http://${witness!.ip}:8080` };
    process.kill(victim!.pid, 'SIGSTOP');
    try {
      await eventually(async () => {
        const mesh = await meshOf(other);
        expect(linkOf(mesh, witness!.name, victim!.name).outcome).toBe('timeout');
        // Its own report is missing for the same reason.
        expect(linkOf(mesh, victim!.name, witness!.name).outcome).toBe('timeout');
      });
      await eventually(async () => expect(podNamed(await meshOf(other), victim!.name)?.lifecycle).toBe('not-ready'));
      await eventually(async () => {
        expect((await fetch(`${other.url}/cluster_health`)).status).toBe(418);
        const verdict = await fetch(`${other.url}/api/v1/verdict?window=5s&expect=healthy`);
        expect([verdict.status, (await verdict.json()).verdict]).toEqual([503, 'fail']);
        const { findings } = await (await fetch(`${other.url}/api/v1/findings`)).json();
        // Of the two that can tell one may be starved, and is not believed then.
        expect(findings[0]).toMatchObject({ severity: 'failed', title: expect.stringContaining(victim!.name) });
      }, 40_000);
    } finally {
      process.kill(victim!.pid, 'SIGCONT');
    }
    await eventually(async () => expect((await fetch(`${other.url}/cluster_health`)).status).toBe(200), 40_000);
  }, 150_000);
});
