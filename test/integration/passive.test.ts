import { expect, it } from 'vitest';
import { nodeBucket } from '../../server/runtime/node-mode.ts';
import { eventually } from '../support/eventually.ts';
import { lossOf } from '../support/mesh.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

const MODE = {
  ACTIVE_NODE_PERCENTAGE: '1',
  ACTIVE_NODES: 'node-1',
  PING_TIMEOUT: '3s',
  CHECK_TIMEOUT: '3s',
  UDP_ENABLED: 'true',
};

it('one active pod and two passive ones: it pings them, they answer its datagrams, and they never talk to the API server', async () => {
  const mesh = await StubMesh.forTest();
  expect([nodeBucket('node-2'), nodeBucket('node-3')].every((bucket) => bucket >= 1)).toBe(true);
  const { kube: apiOfPassive, kubeconfig } = await StubMesh.forTest();
  const servers = await Promise.all(
    [1, 2, 3].map((i) => mesh.serve(i, i === 1 ? MODE : { ...MODE, KUBECONFIG: kubeconfig })),
  );
  for (const i of [1, 2, 3]) mesh.addPod(i);
  const [active, passive] = servers;
  await eventually(async () => {
    const picture = await meshOf(active!);
    expect(picture.reports.map(({ missing }) => missing)).toEqual(['', 'passive', 'passive']);
    const { links, udp } = picture.reports[0]!;
    expect([...links.outcome]).toEqual([0, 0, 0]);
    expect([0, 1, 2].map((link) => lossOf(udp, link))).toEqual([0, 0, 0]);
    expect(picture.health).toEqual({ ok: true, reasons: [], general: [] });
    expect(picture.findings).toEqual([]);
  }, 30_000);
  expect(await active!.health()).toBe(200);
  const { hosts, responses } = await active!.json<{ hosts: object[]; responses: object }>('/check_all');
  expect([hosts.length, Object.keys(responses)]).toEqual([3, ['pod-1']]);
  for (const path of ['/check', '/check_all', '/cluster_health', '/api/v1/mesh'])
    expect((await fetch(passive!.url + path)).status).toBe(503);
  for (const path of ['/', '/ping', '/healthz', '/readyz', '/metrics'])
    expect((await fetch(passive!.url + path)).status).toBe(200);
  expect(passive!.log.filter(({ msg }) => msg.includes('this node is passive'))).toHaveLength(1);
  expect(apiOfPassive.requests).toEqual([]);
  passive!.child.kill('SIGTERM');
  expect(await passive!.ended).toBe(0);
});
