import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

it('a pod on a cordoned node may fail with IGNORE_CORDONED, and says why it is gone when its node is deleted', async () => {
  const mesh = await StubMesh.forTest();
  mesh.kube.putNode('node-1', 'zone-a');
  mesh.kube.putNode('node-2', 'zone-a', true);
  for (const i of [1, 2]) mesh.addPod(i);
  const [ignoring, judging] = await Promise.all([
    mesh.serve(1, { IGNORE_CORDONED: 'true', PING_TIMEOUT: '3s' }),
    // Another instance of pod 1, with the default.
    mesh.serve(3, { POD_NAME: 'pod-1', POD_IP: mesh.host(1), HOSTNAME: 'node-1', PING_TIMEOUT: '3s' }),
  ]);
  // Nothing listens at the address of pod 2.
  await eventually(async () => {
    const { pods, health, findings, reports } = await meshOf(ignoring!);
    expect(pods.map(({ cordon }) => cordon)).toEqual(['', 'ignored']);
    expect([...(reports[0]?.links.outcome ?? [])].some((outcome) => outcome !== 0)).toBe(true);
    expect(health).toEqual({ ok: true, reasons: [], general: [] });
    expect(findings).toEqual([]);
  }, 30_000);
  expect(await ignoring!.health()).toBe(200);
  expect(await ignoring!.json('/cluster_health')).toMatchObject({ nodesTotal: 1, ignored: ['10.0.0.2'] });
  expect(await ignoring!.text('/metrics')).not.toContain('pod-2');
  await eventually(async () => {
    const { pods, health: judged } = await meshOf(judging!);
    expect(pods.map(({ cordon }) => cordon)).toEqual(['', 'cordoned']);
    expect(judged.ok).toBe(false);
  }, 30_000);
  expect(await judging!.text('/metrics')).toContain('pod-2');
  // The timeline counts as the summary does.
  const failedOf = async (server: typeof ignoring) => {
    const { failed } = await server!.json<{ failed: number[] }>('/api/v1/history');
    return failed.some((count) => count > 0);
  };
  await eventually(async () => expect(await failedOf(judging)).toBe(true), 30_000);
  expect(await failedOf(ignoring)).toBe(false);

  mesh.kube.deleteNode('node-2');
  mesh.kube.deletePod('pod-2');
  await eventually(async () => {
    const gone = (await meshOf(judging!)).pods.find(({ name }) => name === 'pod-2');
    expect([gone?.lifecycle, gone?.reason]).toEqual(['gone', 'node node-2 was deleted']);
  }, 40_000);
});
