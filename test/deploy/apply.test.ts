import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalCluster, startCluster } from '../../deploy/local/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { demand, KUBECTL } from './tools.ts';

let cluster: LocalCluster;
/** What a program prints. Not by tools.ts' `output`: the API server lives in this process, which must not wait. */
const said = async (program: string, ...args: string[]) => {
  const all = [...args, '--kubeconfig', cluster.kubeconfigPath];
  return (await promisify(execFile)(program, all, { timeout: 60_000 })).stdout;
};

beforeAll(async () => {
  demand(KUBECTL);
  cluster = await startCluster({ pods: 1, intervalS: 30 });
  await cluster.ready();
});

afterAll(() => cluster?.stop());

describe("a cluster's API", () => {
  it('takes goldpinger.yml from the real kubectl, whose three pods reach each other then', async () => {
    await said('kubectl', 'apply', '-f', 'deploy/kubernetes/goldpinger.yml');
    await said('kubectl', 'rollout', 'status', 'deployment/goldpinger', '--timeout=50s');
    await eventually(async () => {
      const running = cluster.pods().filter(({ terminating }) => !terminating);
      expect(running).toHaveLength(3);
      const health = await fetch(`http://${running[0]?.ip}:8080/cluster_health`);
      expect([health.status, (await health.json()).nodesTotal]).toEqual([200, 3]);
    }, 30_000);
  });
});
