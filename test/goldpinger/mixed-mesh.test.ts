import { beforeAll, expect, it } from 'vitest';
import { outcomeOf } from '../../server/protocol/links.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { eventually } from '../support/eventually.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';
import { Goldpinger, goldpingerProgram } from './program.ts';

const NAMES = ['pod-1', 'pod-2', 'pod-3', 'pod-4'];
/** Long, so that a busy machine does not make pings fail; Goldpinger's intervals are whole seconds. */
const SLOW = { REFRESH_INTERVAL: '1', PING_TIMEOUT: '2s', CHECK_TIMEOUT: '4s', CHECK_ALL_TIMEOUT: '8s' };

interface CheckAll {
  hosts: { podName: string }[];
  responses: Record<string, { OK: boolean; response?: { podResults: Record<string, { OK: boolean }> } }>;
}
interface Health {
  OK: boolean;
  nodesHealthy: string[] | null;
  nodesUnhealthy: string[] | null;
  nodesTotal: number;
}

let program = '';
beforeAll(async () => {
  program = await goldpingerProgram();
}, 600_000);

async function answerOf<T>({ url }: { url: string }, path: string): Promise<{ status: number; body: T }> {
  const answer = await fetch(url + path);
  return { status: answer.status, body: (await answer.json()) as T };
}

const sorted = (names: readonly string[] | null) => [...(names ?? [])].sort();

function outcome(mesh: Mesh, from: string, to: string): string {
  const index = (name: string) => mesh.pods.findIndex((pod) => pod.name === name);
  const report = mesh.reports.find(({ pod }) => pod === index(from));
  const link = report?.links.to.indexOf(index(to)) ?? -1;
  return report === undefined || link < 0 ? 'none' : outcomeOf(report.links, link);
}

it('two of our pods and two of Goldpinger ping each other, and both programs give the same answers', async () => {
  const mesh = await StubMesh.forTest();
  const ours = await Promise.all([1, 2].map((i) => mesh.serve(i, SLOW)));
  const theirs = [3, 4].map((i) => {
    const env = { POD_NAME: `pod-${i}`, POD_IP: mesh.host(i), HOSTNAME: `node-${i}`, NAMESPACE: 'default' };
    return new Goldpinger(program, mesh.host(i), mesh.port, { ...env, KUBECONFIG: mesh.kubeconfig, ...SLOW });
  });
  for (const one of theirs) mesh.onEnd(() => one.kill());
  for (const i of [1, 2, 3, 4]) mesh.addPod(i);
  const [our, second] = ours;
  const [their] = theirs;
  if (our === undefined || second === undefined || their === undefined) throw new Error('a pod did not start');

  for (const one of [our, their]) {
    await eventually(async () => {
      const { body } = await answerOf<CheckAll>(one, '/check_all');
      expect(sorted(body.hosts.map(({ podName }) => podName))).toEqual(NAMES);
      expect(sorted(Object.keys(body.responses))).toEqual(NAMES);
      for (const { OK, response } of Object.values(body.responses)) {
        expect(OK).toBe(true);
        expect(sorted(Object.keys(response?.podResults ?? {}))).toEqual(NAMES);
        for (const result of Object.values(response?.podResults ?? {})) expect(result.OK).toBe(true);
      }
    }, 60_000);
  }
  const healthOf = async (one: { url: string }) => {
    const { status, body } = await answerOf<Health>(one, '/cluster_health');
    const { OK, nodesTotal, nodesHealthy, nodesUnhealthy } = body;
    return { status, OK, nodesTotal, healthy: sorted(nodesHealthy), unhealthy: sorted(nodesUnhealthy) };
  };
  await eventually(
    async () => expect(await healthOf(our)).toMatchObject({ status: 200, OK: true, nodesTotal: 4 }),
    30_000,
  );
  expect(await healthOf(their)).toEqual(await healthOf(our));

  // Ours shows what theirs has measured.
  const picture = await meshOf(our);
  const reports = new Map(picture.reports.map((report) => [picture.pods[report.pod]?.name, report]));
  expect(reports.get('pod-3')).toMatchObject({ missing: '', via: 'check' });
  for (const to of NAMES) expect(outcome(picture, 'pod-3', to)).toBe('ok');

  await second.kill();
  await eventually(async () => {
    const now = await meshOf(our);
    expect(outcome(now, 'pod-1', 'pod-2')).toBe('refused');
    expect(outcome(now, 'pod-3', 'pod-2')).toBe('refused');
    expect(outcome(now, 'pod-3', 'pod-1')).toBe('ok');
    const { body } = await answerOf<{ podResults: Record<string, { OK: boolean }> }>(their, '/check');
    expect(body.podResults['pod-2']?.OK).toBe(false);
  }, 60_000);
  for (const one of [our, their]) {
    expect(await healthOf(one)).toMatchObject({ status: 418, OK: false, unhealthy: ['10.0.0.2'] });
  }
}, 240_000);
