import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { startCluster } from './cluster.ts';
import { DEFAULT_DIR, type StartFlags } from './command-line.ts';
import type { LocalCluster } from './local-cluster.ts';
import type { PodNews } from './pod-news.ts';
import { keepWriteToken, lockFolder, pruneLogs } from './state-folder.ts';

/** What a run in a terminal needs of the process. */
interface Terminal {
  print(line: string): void;
  /** Calls `end` at the first SIGINT or SIGTERM. A second one ends the process, and the watchdog what is left. */
  onEnd(end: () => void): void;
  pid: number;
  /** The built server. */
  serverPath: string;
}

/** Runs a cluster until the terminal ends it. Rejects with an Error that says what is in the way of a start. */
export async function runCluster(flags: StartFlags, terminal: Terminal): Promise<void> {
  if (!existsSync(terminal.serverPath)) {
    throw new Error(`the server is not built: ${terminal.serverPath} is missing; build it with: npm run build`);
  }
  const ended = new Promise<void>((resolve) => terminal.onEnd(resolve));
  const unlock = lockFolder(flags.dir, terminal.pid);
  // `--env WRITE_TOKEN=...` is another one, for whoever wants to know it beforehand.
  const writeToken = flags.env['WRITE_TOKEN'] ?? randomBytes(24).toString('base64url');
  const tokenPath = keepWriteToken(flags.dir, writeToken);
  try {
    const { pods, intervalS, port, podPort, dir, env } = flags;
    const { serverPath } = terminal;
    const addressBase = '127.0.0';
    const cluster = await startCluster({
      pods,
      intervalS,
      port,
      podPort,
      dir,
      serverPath,
      addressBase,
      serverEnv: env,
      writeToken,
    });
    const silence = cluster.onEvent((news) => {
      terminal.print(newsLine(news));
      if (news.what === 'gone') pruneLogs(cluster.logFolder);
    });
    terminal.print(`starting ${pods} pod${pods === 1 ? '' : 's'}, each a process with an address of its own`);
    let ending = false;
    void cluster.ready().then(
      () => terminal.print(readyText(cluster, dir)),
      (error: Error) => ending || terminal.print(`${error.message}\nTheir logs are in ${join(dir, 'pods')}`),
    );
    await ended;
    ending = true;
    silence();
    terminal.print('ending: stopping all pods');
    await cluster.stop();
  } finally {
    rmSync(tokenPath, { force: true });
    unlock();
  }
}

function readyText(cluster: LocalCluster, dir: string): string {
  const kubeconfig = relative('.', cluster.kubeconfigPath);
  // A command looks in the usual folder unless it is told.
  const where = dir === DEFAULT_DIR ? '' : ` --dir ${dir}`;
  const victim = cluster.pods().find((pod) => !pod.terminating)?.name ?? 'POD';
  return `
ready  ${cluster.serviceUrl}

  kubeconfig  ${kubeconfig}          logs  ${join(dir, 'pods')}
  with kubectl:     kubectl --kubeconfig ${kubeconfig} get pods -w
                    kubectl --kubeconfig ${kubeconfig} delete pod ${victim} --grace-period=0 --force
  without kubectl:  npm run local -- get pods -w${where}
                    npm run local -- delete pod ${victim} --force${where}
  mark on the timeline: npm run local -- annotate "what I broke" --tag NAME${where}
                        or POST to api/v1/annotations with the token in ${join(dir, 'write-token')}
  Ctrl-C ends everything.
`;
}

/** One line about a pod, e.g. `17:01:02  goldpinger-7d9f-abcde  ready         127.0.0.3  node-a`. */
function newsLine(news: PodNews): string {
  const time = new Date(news.atMs).toTimeString().slice(0, 8);
  const name = news.namespace === 'default' ? news.name : `${news.namespace}/${news.name}`;
  return `${time}  ${name}  ${news.what.padEnd(11)}  ${news.ip.padEnd(11)}  ${news.node}`.trimEnd();
}
