import { describe, expect, it } from 'vitest';
import { type MeshHistory, parseLinkHistory, parseMeshHistory } from '../../server/protocol/history.ts';
import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { linkOf, StubMesh } from '../support/stub-mesh.ts';

const podNamed = (mesh: Mesh, name: string) => mesh.pods.findIndex((pod) => pod.name === name);

/** The outcome of a link, or why the report of its source is missing. */
const outcome = (mesh: Mesh, from: string, to: string) => linkOf(mesh, from, to).outcome;

async function past(server: ServerProcess, query: string): Promise<Mesh> {
  return parseMesh(await server.json(`/api/v1/mesh?${query}`));
}

/** Length of the time range that is asked for. */
const RANGE_MS = 2_000;

/**
 * Whether all that a link's samples of a stretch say is as it should be: none other, and so many that are trusted, or
 * suspect ones at all, that it is believed, though the past may be cut a little differently.
 */
function isTold(mesh: Mesh, from: string, to: string, isOk: boolean): boolean {
  const { samples, suspect, failures } = statsOf(mesh, from, to);
  return failures === (isOk ? 0 : samples) && (samples - suspect >= 2 || suspect >= 4);
}

function statsOf(mesh: Mesh, from: string, to: string) {
  const report = mesh.reports.find(({ pod }) => pod === podNamed(mesh, from));
  const i = report?.links.to.indexOf(podNamed(mesh, to)) ?? -1;
  const { samples, suspect, failures } = report?.stats ?? {};
  return { samples: samples?.[i] ?? 0, suspect: suspect?.[i] ?? 0, failures: failures?.[i] ?? 0 };
}

/** Waits until every link between the pods has been as it should be for a stretch. Gives the end of that. */
async function settled(server: ServerProcess, names: string[], wanted: (from: string, to: string) => string) {
  let sinceMs = Number.POSITIVE_INFINITY;
  const pairs = names
    .flatMap((from) => names.map((to) => ({ from, to, as: wanted(from, to) })))
    .filter(({ as }) => as !== '');
  return eventually(
    async () => {
      const mesh = parseMesh(await server.json(`/api/v1/mesh?window=${RANGE_MS}`));
      // The collection waits for the report of a pod that hangs; the other reports are older then.
      const nowMs = Math.floor(
        Math.min(...mesh.reports.filter(({ missing }) => missing === '').map(({ atMs }) => atMs)),
      );
      const isSo = pairs.every(({ from, to, as }) => outcome(mesh, from, to) === as);
      sinceMs = isSo ? Math.min(sinceMs, nowMs) : Number.POSITIVE_INFINITY;
      expect(nowMs - sinceMs).toBeGreaterThan(RANGE_MS);
      expect(pairs.filter(({ from, to, as }) => !isTold(mesh, from, to, as === 'ok'))).toEqual([]);
      return nowMs;
    },
    40_000,
    100,
  );
}

/** What copies of pods change is in copies.test.ts. */
const NO_COPIES = { HISTORY_MEMORY: '0' };

describe('the past of a mesh', () => {
  it('shows a fault before, during and after, and without copies, what is left of it once a pod has restarted', async () => {
    const mesh = await StubMesh.forTest();
    const servers = await Promise.all([1, 2, 3].map((i) => mesh.serve(i, NO_COPIES)));
    const uids = [1, 2, 3].map((i) => mesh.addPod(i));
    const [first, second, third] = servers as [ServerProcess, ServerProcess, ServerProcess];
    const names = ['pod-1', 'pod-2', 'pod-3'];
    const beforeMs = await settled(first, names, () => 'ok');
    third.child.kill('SIGSTOP');
    const duringMs = await settled(first, ['pod-1', 'pod-2', 'pod-3'], (from, to) =>
      from === 'pod-3' ? '' : to === 'pod-3' ? 'timeout' : 'ok',
    );
    third.child.kill('SIGCONT');
    const afterMs = await settled(first, names, () => 'ok');

    // A pod that is held up for a second is missing in an answer.
    for (const server of [first, second]) {
      await eventually(async () => {
        const before = await past(server, `from=${beforeMs - RANGE_MS}&to=${beforeMs}`);
        const during = await past(server, `from=${duringMs - RANGE_MS}&to=${duringMs}`);
        const after = await past(server, `from=${afterMs - RANGE_MS}&to=${afterMs}`);
        expect([before, during, after].map((it) => outcome(it, 'pod-1', 'pod-3'))).toEqual(['ok', 'timeout', 'ok']);
        expect([before, during, after].map((it) => outcome(it, 'pod-2', 'pod-3'))).toEqual(['ok', 'timeout', 'ok']);
        expect([before, during, after].map((it) => outcome(it, 'pod-1', 'pod-2'))).toEqual(['ok', 'ok', 'ok']);
        expect(during.past).toMatchObject({ resolutionMs: 0 });
        expect(Math.abs(during.past!.toMs - duringMs)).toBeLessThanOrEqual(100);
        expect(during.health.ok).toBe(false);
        expect(before.health).toEqual({ ok: true, reasons: [], general: [] });
      }, 20_000);
    }
    const moment = await past(first, `at=${new Date(duringMs).toISOString()}`);
    expect(outcome(moment, 'pod-1', 'pod-3')).toBe('timeout');

    await second.kill();
    const again = await mesh.serve(2, NO_COPIES);
    await settled(first, names, () => 'ok');
    let trusted = 0;
    for (const server of [first, again]) {
      await eventually(async () => {
        // Another stretch than before, which is kept for some seconds.
        const during = await past(server, `from=${duringMs - 1_900}&to=${duringMs}`);
        expect(outcome(during, 'pod-2', 'pod-3')).toBe('no-history');
        expect(during.reports.find(({ pod }) => pod === podNamed(during, 'pod-2'))?.missingDetail).toContain(
          'memory begins',
        );
        expect([outcome(during, 'pod-1', 'pod-3'), outcome(during, 'pod-1', 'pod-2')]).toEqual(['timeout', 'ok']);
        const { samples, suspect } = statsOf(during, 'pod-1', 'pod-3');
        trusted = samples - suspect;
      }, 20_000);
    }

    const history: MeshHistory = parseMeshHistory(
      // Cut down to a whole step, still no earlier than what `settled` has seen: all had their memory by then.
      await first.json(`/api/v1/history?from=${beforeMs - 1_000}&step=1000`),
    );
    const stepAt = (ms: number) => Math.floor((ms - history.fromMs) / history.stepMs);
    const step = stepAt(duringMs - 500);
    // Of a step on a busy machine all samples may be suspect, and are not counted then.
    const failed = history.failed.slice(stepAt(duringMs - RANGE_MS), stepAt(duringMs) + 1);
    expect(Math.max(...failed)).toBeGreaterThanOrEqual(Math.min(1, trusted));
    // The step that ends no later than what was healthy.
    expect(history.failed[stepAt(beforeMs - 1_000)]).toBe(0);
    expect([history.reports[step], history.reports.at(-1), history.pods[step]]).toEqual([2, 3, 3]);
    expect(history.missing).toMatchObject([{ name: 'pod-2', reason: 'no-history' }]);
    const link = parseLinkHistory(await again.json(`/api/v1/link-history?from=${uids[0]}&to=${uids[2]}`));
    expect(link.steps.reduce((sum, { failures }) => sum + (failures['timeout'] ?? 0), 0)).toBeGreaterThan(0);
  }, 180_000);
});
