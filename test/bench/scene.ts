import { emptyLinks, FLAG_NOT_YET } from '../../server/protocol/links.ts';
import { type PodReport, parsePodReport } from '../../server/protocol/pod-report.ts';
import { type AddressBlock, pickBlock } from './addresses.ts';
import { call, pause } from './calls.ts';
import { type KubeApi, type SimulatedPod, startKubeApi } from './kube-api.ts';
import type { Launch } from './launch.ts';
import { Peers } from './peers.ts';
import { ServerProcess } from './server-process.ts';
import type { Workspace } from './workspace.ts';

/** What every scene is made with. */
export interface Stage extends Launch {
  /** The built server. */
  serverProgram: string;
  /** The built bench, which also plays the peers. */
  benchProgram: string;
  workspace: Workspace;
}

/** A server among simulated peers. */
export interface Scene {
  server: ServerProcess;
  peers: Peers;
  /** The first is the server itself. */
  pods: SimulatedPod[];
  stop(): Promise<void>;
}

/**
 * Starts an API server with `count` pods, the simulated peers, and the server as the first pod, pinging each every
 * `intervalS`; waits until each has been pinged.
 */
export async function startScene(stage: Stage, count: number, intervalS: number): Promise<Scene> {
  const block = await pickBlock(Math.random);
  const pods = Array.from({ length: count }, (_, n) => podOf(n, block));
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const part of running.reverse()) await part.stop();
  };
  try {
    const api = await startKubeApi(pods);
    running.push(api);
    const peers = await Peers.start(
      stage.benchProgram,
      pods.slice(1).map(({ podIP }) => podIP),
      block.port,
    );
    running.push(peers);
    const server = await startServer(stage, api, block, { REFRESH_INTERVAL: String(intervalS) }, true);
    running.push(server);
    await settle(server, peers, count, intervalS);
    return { server, peers, pods, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the server as the first pod of `block`. With `isWatched`, its event loop can be watched. */
export async function startServer(
  stage: Stage,
  api: KubeApi,
  block: AddressBlock,
  variables: Record<string, string>,
  isWatched: boolean,
): Promise<ServerProcess> {
  const self = podOf(0, block);
  return ServerProcess.start(
    stage.serverProgram,
    [...stage.nodeFlags, ...(isWatched ? ['--require', stage.workspace.loopWatchPath] : [])],
    {
      HOST: self.podIP,
      PORT: String(block.port),
      POD_IP: self.podIP,
      POD_NAME: self.name,
      HOSTNAME: self.node,
      NAMESPACE: 'default',
      KUBECONFIG: await stage.workspace.kubeconfig(api.url),
      SHUTDOWN_GRACE: '0s',
      ...stage.variables,
      ...variables,
    },
    { address: self.podIP, port: block.port },
  );
}

/** Pod number `n` of a block. */
export function podOf(n: number, block: AddressBlock): SimulatedPod {
  const id = String(n).padStart(5, '0');
  return {
    uid: `00000000-0000-4000-8000-0000000${id}`,
    name: `goldpinger-${id}`,
    node: `node-${id}`,
    podIP: block.addressOf(n),
    hostIP: `10.0.${n >> 8}.${n & 255}`,
  };
}

async function settle(server: ServerProcess, peers: Peers, count: number, intervalS: number): Promise<void> {
  const deadlineMs = performance.now() + 10_000 + intervalS * 1500;
  let isServed = false;
  for (;;) {
    const report = parsePodReport(JSON.parse((await call(`${server.url}/api/v1/pod-report`, { keep: true })).text));
    const knowsAll = report.peers?.length === count;
    if (knowsAll && !isServed) {
      await peers.serve(reportOfPeer(report));
      isServed = true;
    }
    if (knowsAll && report.links.length >= count - 1 && report.links.flags.every((flag) => (flag & FLAG_NOT_YET) === 0))
      return;
    if (performance.now() > deadlineMs) throw new Error(`the server did not reach its ${count} peers`);
    await pause(250);
  }
}

/** What a peer answers with: it knows whom the server knows, and all its links are fine. */
function reportOfPeer(report: PodReport): PodReport {
  const count = report.peers?.length ?? 0;
  const links = emptyLinks(count);
  for (let i = 0; i < count; i++) links.to[i] = i;
  links.connectUs.fill(60);
  links.firstByteUs.fill(180);
  links.totalUs.fill(250);
  links.ageMs.fill(500);
  links.sinceMs.fill(5000);
  return { ...report, gonePeers: [], links, details: [], stats: null, windowMs: 0, probes: [] };
}
