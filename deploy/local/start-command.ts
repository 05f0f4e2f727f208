import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { realClock } from '../../server/runtime/clock.ts';
import { type LocalCluster, type LocalPod, startCluster } from './cluster.ts';
import { DEFAULT_DIR, keepWriteToken, lockFolder, pruneLogs } from './state-folder.ts';
import { parseCommandLine, UsageError } from './usage.ts';

type StartOptions = ReturnType<typeof parseStartOptions>;

interface Terminal {
  print(line: string): void;
  /** Calls `stop` at the first SIGINT, SIGTERM or SIGHUP. A second one ends the process; the watchdog kills the pods. */
  onStop(stop: () => void): void;
  serverPath: string;
}

/** Runs a cluster until the terminal stops it. Rejects with an Error that says why the cluster cannot start. */
export async function runStartCommand(options: StartOptions, terminal: Terminal): Promise<void> {
  const { dir, env, ...others } = options;
  const { print, serverPath } = terminal;
  if (!existsSync(serverPath)) {
    throw new Error(`the server is not built: ${serverPath} is missing; build it with: npm run build`);
  }
  const stopped = new Promise<void>((resolve) => terminal.onStop(resolve));
  process.on('exit', lockFolder(dir, process.pid));
  // `--env WRITE_TOKEN=...` sets a token that the user knows in advance.
  const writeToken = env['WRITE_TOKEN'] ?? randomBytes(24).toString('base64url');
  keepWriteToken(dir, writeToken);
  const addressBase = '127.0.0';
  const cluster = await startCluster({ ...others, dir, serverPath, addressBase, serverEnv: env, writeToken });
  const unsubscribe = cluster.onEvent((pod) => {
    print(podLine(pod, realClock.nowMs()));
    if (pod.status === 'Gone') pruneLogs(cluster.logFolder);
  });
  print(`starting ${options.pods} pod${options.pods === 1 ? '' : 's'}, each a process with its own address`);
  let stopping = false;
  void cluster.ready().then(
    () => print(readyText(cluster, dir)),
    (error: Error) => stopping || print(`${error.message}\nThe logs of the pods are in ${join(dir, 'pods')}`),
  );
  await stopped;
  stopping = true;
  unsubscribe();
  print('stopping all pods');
  await cluster.stop();
}

/** Reads the options of `npm start`. Throws UsageError. */
export function parseStartOptions(args: readonly string[]) {
  const errors: string[] = [];
  const number = (name: string, text: string, low: number, high: number, whole: boolean) => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
    const kind = whole ? 'whole number' : 'number';
    errors.push(`--${name} must be a ${kind} from ${low} to ${high}, not ${JSON.stringify(text)}`);
    return low;
  };
  const values = parseFlags(args);
  const options = {
    pods: number('pods', values.pods, 1, 100, true),
    intervalS: number('interval', values.interval, 0.1, 3600, false),
    startDelayMs: 1000 * number('start-delay', values['start-delay'], 0, 60, false),
    port: number('port', values.port, 1, 65_535, true),
    podPort: number('pod-port', values['pod-port'], 1, 65_535, true),
    dir: values.dir,
    env: parseEnv(values.env, errors),
  };
  if (options.dir === '') errors.push('--dir must be the path of a folder');
  if (errors.length > 0) throw new UsageError(errors.join('\n'));
  return options;
}

function parseFlags(args: readonly string[]) {
  const [first] = args;
  if (first !== undefined && !first.startsWith('-')) throw new UsageError(`unknown command: ${first.slice(0, 80)}`);
  return parseCommandLine({
    args: [...args],
    options: {
      pods: { type: 'string', default: '3' },
      interval: { type: 'string', default: '2' },
      'start-delay': { type: 'string', default: '2' },
      port: { type: 'string', default: '8080' },
      'pod-port': { type: 'string', default: '8080' },
      dir: { type: 'string', default: DEFAULT_DIR },
      env: { type: 'string', multiple: true, default: [] },
    },
  }).values;
}

function parseEnv(pairs: readonly string[], errors: string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined) errors.push(`--env must be NAME=VALUE, not ${JSON.stringify(pair)}`);
    else env[name] = value;
  }
  return env;
}

function readyText(cluster: LocalCluster, dir: string): string {
  const kubeconfig = relative('.', cluster.kubeconfigPath);
  // The commands use the default folder unless --dir names another one.
  const dirOption = dir === DEFAULT_DIR ? '' : ` --dir ${dir}`;
  const pod = cluster.pods().find((one) => !one.terminating)?.name ?? 'POD';
  return `
ready  ${cluster.serviceUrl}

  kubeconfig  ${kubeconfig}          logs  ${join(dir, 'pods')}
  with kubectl:     kubectl --kubeconfig ${kubeconfig} get pods -w
                    kubectl --kubeconfig ${kubeconfig} delete pod ${pod} --grace-period=0 --force
  without kubectl:  npm run local -- get pods -w${dirOption}
                    npm run local -- delete pod ${pod} --force${dirOption}
  annotate the timeline: npm run local -- annotate "what I broke" --tag NAME${dirOption}
                         or POST to api/v1/annotations with the token in ${join(dir, 'write-token')}
  Ctrl-C stops everything.
`;
}

/** Formats one line about a pod, e.g. `17:01:02  goldpinger-7d9f-abcde  Ready               127.0.0.3    node-a`. */
function podLine({ name, namespace, status, ready, ip, node }: LocalPod, nowMs: number): string {
  const time = new Date(nowMs).toTimeString().slice(0, 8);
  const fullName = namespace === 'default' ? name : `${namespace}/${name}`;
  const state = status !== 'Running' ? status : ready ? 'Ready' : 'Running, not ready';
  return `${time}  ${fullName}  ${state.padEnd(18)}  ${ip.padEnd(11)}  ${node}`.trimEnd();
}
