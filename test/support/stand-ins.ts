import { text } from 'node:stream/consumers';
import { afterAll, beforeAll } from 'vitest';
import type { KubeObject } from '../../deploy/local/api/objects.ts';
import { type ApiCall, call } from '../../deploy/local/client/api-calls.ts';
import { type ClusterOptions, type LocalCluster, startCluster } from '../../deploy/local/cluster.ts';

const STAND_IN = 'test/fixtures/stand-in-server.cjs';
export const PODS = '/api/v1/namespaces/default/pods';
export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
export const options: ClusterOptions = {
  pods: 3,
  intervalS: 2,
  serverPath: STAND_IN,
  backoff: { firstMs: 50, longestMs: 200 },
};

type Json = Record<string, unknown> & { items: KubeObject[]; metadata: Record<string, unknown> };

/** A file's own cluster whose pods run a stand-in for the server, with what a test asks of it. */
export function clusterOfFile() {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await startCluster(options);
    await cluster.ready();
  });
  afterAll(() => cluster?.stop());

  /** A request as the administrator, or with another token. */
  async function api(method: string, path: string, more: Partial<ApiCall> & { token?: string } = {}) {
    const { token = cluster.access.token, ...rest } = more;
    const answer = await call({ ...cluster.access, token }, { ...rest, method: method as ApiCall['method'], path });
    const json = JSON.parse(await text(answer)) as Json;
    return { code: answer.statusCode ?? 0, headers: answer.headers, json };
  }

  const pods = () => cluster.pods();
  const livePods = () => pods().filter((pod) => !pod.terminating);
  return {
    current: () => cluster,
    api,
    pods,
    livePods,
    firstPod() {
      const pod = livePods().find((one) => one.ready);
      if (!pod) throw new Error('no ready pod');
      return pod;
    },
  };
}

/** The text of a URL, over a connection of its own. */
export async function fetchText(url: string): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}

export const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
