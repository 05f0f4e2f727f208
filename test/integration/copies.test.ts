import { describe, expect, it } from 'vitest';
import { KEEPERS } from '../../server/peers/keeper.ts';
import { type Events, parseEvents } from '../../server/protocol/event.ts';
import { parseMeshHistory } from '../../server/protocol/history.ts';
import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';
import type { VerdictAnswer } from '../../server/protocol/verdict.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { StubMesh } from '../support/stub-mesh.ts';

/** Long enough that a moment has a sample of each link, also on a busy machine. */
const ENV = { REFRESH_INTERVAL: '1', CHECK_TIMEOUT: '3000ms', PING_TIMEOUT: '600ms' };

/** What does not depend on who answers, and when: the links that failed, by the names of their pods. */
function failedLinks({ pods, reports }: Mesh): string[] {
  return reports
    .flatMap(({ pod, links }) =>
      [...links.outcome.entries()].map(
        ([i, outcome]) => `${pods[pod]?.name} ${pods[links.to[i] ?? 0]?.name} ${outcome}`,
      ),
    )
    .filter((link) => !link.endsWith(' 0'))
    .sort();
}

/** The reports of a mesh that are there, with the number of their links. */
function reporting({ pods, reports }: Mesh): string[] {
  return reports.filter(({ missing }) => missing === '').map(({ pod, links }) => `${pods[pod]?.name} ${links.length}`);
}

/** The copies that all keepers have of a pod reach to `atMs`. */
async function isCopied(servers: ServerProcess[], uid: string, atMs: number): Promise<number> {
  let keepers = 0;
  for (const server of servers) {
    const { copies } = await server.json<{ copies: { nowMs: number; untilMs: number }[] }>(`/api/v1/copy?of=${uid}`);
    const newest = copies.at(-1);
    if (newest !== undefined && Date.now() - (newest.nowMs - newest.untilMs) >= atMs) keepers += 1;
  }
  return keepers;
}

/** Starts three pods, of which the last one hangs for a while. Gives a moment of that when all keepers have copied it. */
async function startCopied(mesh: StubMesh) {
  const servers = await Promise.all([1, 2, 3].map((i) => mesh.serve(i, ENV)));
  const uids = [1, 2, 3].map((i) => mesh.addPod(i));
  const [first, , last] = servers as [ServerProcess, ServerProcess, ServerProcess];
  await eventually(async () => {
    const now = await meshAt(first, Date.now());
    expect([reporting(now).length, failedLinks(now)]).toEqual([3, []]);
  }, 40_000);
  last.child.kill('SIGSTOP');
  let sinceMs = Number.POSITIVE_INFINITY;
  const nowMs = await eventually(async () => {
    const failed = failedLinks(parseMesh(await first.json('/api/v1/mesh')));
    const isSeen = failed.filter((link) => link.includes(' pod-3 ')).length === 2;
    sinceMs = isSeen ? Math.min(sinceMs, Date.now()) : Number.POSITIVE_INFINITY;
    expect(Date.now() - sinceMs).toBeGreaterThan(6_000);
    return Date.now();
  }, 40_000);
  // In the midst of the fault: a call on a busy machine may shift a range by some tenths of a second.
  const faultMs = nowMs - 1_500;
  last.child.kill('SIGCONT');
  await eventually(async () => {
    for (const [i, uid] of uids.entries()) {
      const others = servers.filter((_, other) => other !== i);
      expect(await isCopied(others, uid, faultMs + 3_000)).toBe(KEEPERS);
    }
  }, 60_000);
  return { servers, faultMs };
}

/** What a server answers about the time of the fault. */
async function answersOf(server: ServerProcess, faultMs: number) {
  const past = await meshAt(server, faultMs);
  const range = `start=${faultMs - 3_000}&end=${faultMs}`;
  const verdict = await server.json<VerdictAnswer>(`/api/v1/verdict?expect=healthy&${range}`);
  const { events }: Events = parseEvents(await server.json(`/api/v1/events?from=${faultMs - 9_000}&to=${faultMs}`));
  const fromMs = Math.floor((faultMs - 4_000) / 1_000) * 1_000;
  const history = parseMeshHistory(await server.json(`/api/v1/history?from=${fromMs}&to=${fromMs + 3_000}&step=3000`));
  return {
    reporting: reporting(past),
    failed: failedLinks(past),
    verdict: [verdict.verdict, verdict.links_failed],
    violations: verdict.violations.map(({ from, to }) => `${from} ${to}`).sort(),
    events: events
      .filter(({ kind }) => kind === 'link-failed')
      .map(({ pod, fromCount, outcome }) => [pod?.name, fromCount, outcome]),
    history: [history.reports, history.failed],
  };
}

// At the same time, because each waits for rounds of copying, which come every 10 s.
describe.concurrent('the past of pods that were killed', () => {
  it('is the same before and after two of three pods were killed and replaced, from whichever pod is asked', async ({
    onTestFinished,
  }) => {
    const mesh = await StubMesh.forTest(onTestFinished);
    const { servers, faultMs } = await startCopied(mesh);
    const [first] = servers as [ServerProcess];
    const before = await answersOf(first, faultMs);
    // As live, the pod that hung then has no report.
    expect([before.reporting, before.verdict[0]]).toEqual([['pod-1 3', 'pod-2 3'], 'fail']);
    await Promise.all(servers.slice(1).map((server) => server.kill()));
    for (const i of [2, 3]) mesh.kube.deletePod(`pod-${i}`);
    const newcomer = await mesh.serve(4, ENV);
    mesh.addPod(4, { createdMs: Date.now(), readySinceMs: Date.now() });
    for (const server of [first, newcomer]) {
      await eventually(async () => {
        expect(await answersOf(server, faultMs)).toEqual(before);
        // The newcomer knows the pods that left before it came.
        const now = parseMesh(await server.json('/api/v1/mesh'));
        expect(now.pods.filter(({ lifecycle }) => lifecycle === 'gone').map(({ name }) => name)).toEqual([
          'pod-2',
          'pod-3',
        ]);
      }, 30_000);
    }
  }, 180_000);

  it('is, with HISTORY_MEMORY=0, lost with the process', async ({ onTestFinished }) => {
    const mesh = await StubMesh.forTest(onTestFinished);
    const env = { ...ENV, HISTORY_MEMORY: '0' };
    const servers = await Promise.all([1, 2].map((i) => mesh.serve(i, env)));
    for (const i of [1, 2]) mesh.addPod(i);
    const [first, second] = servers as [ServerProcess, ServerProcess];
    const beforeMs = await eventually(async () => {
      const atMs = Date.now();
      expect(reporting(await meshAt(first, atMs))).toEqual(['pod-1 2', 'pod-2 2']);
      return atMs;
    }, 40_000);
    // By then keepers would have asked.
    await eventually(() => expect(Date.now() - beforeMs).toBeGreaterThan(12_000));
    await second.kill();
    const again = await mesh.serve(2, env);
    for (const server of [first, again]) {
      await eventually(async () => {
        const then = await meshAt(server, beforeMs);
        expect(reporting(then)).toEqual(['pod-1 2']);
        const missingDetail = expect.stringContaining('memory begins');
        expect(then.reports[1]).toMatchObject({ missing: 'no-history', missingDetail });
      });
    }
  }, 90_000);

  it('is copied to its end if a pod is deleted', async ({ onTestFinished }) => {
    const mesh = await StubMesh.forTest(onTestFinished);
    const env = { ...ENV, SHUTDOWN_GRACE: '5s' };
    const servers = await Promise.all([1, 2, 3].map((i) => mesh.serve(i, env)));
    const uids = [1, 2, 3].map((i) => mesh.addPod(i));
    const [first, second, third] = servers as [ServerProcess, ServerProcess, ServerProcess];
    const uid = uids[2] ?? '';
    await eventually(async () => expect(await isCopied([first, second], uid, 0)).toBe(KEEPERS), 30_000);
    mesh.addPod(3, { deletedMs: Date.now() });
    third.child.kill('SIGTERM');
    const endedMs = Date.now() + 5_000;
    expect(await third.ended).toBe(0);
    // It pings until 2.5 s before its end; everything until then is in both copies.
    expect(await isCopied([first, second], uid, endedMs - 2_500)).toBe(KEEPERS);
  }, 90_000);
});

async function meshAt(server: ServerProcess, atMs: number): Promise<Mesh> {
  return parseMesh(await server.json(`/api/v1/mesh?at=${atMs}`));
}
