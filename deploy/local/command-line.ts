import { parseArgs } from 'node:util';

/** What `npm start` was asked for. */
export interface StartFlags {
  pods: number;
  intervalS: number;
  /** Port of the service address. */
  port: number;
  podPort: number;
  dir: string;
  /** Variables for the server. */
  env: Record<string, string>;
  help: boolean;
}

/** Where kubeconfig and logs are kept unless `--dir` says otherwise. */
export const DEFAULT_DIR = '.local';

/** A command line that cannot be followed; the message names every fault, one a line. */
export class FlagError extends Error {}

/** The text of `--help`. */
export const HELP = `goldpinger-ts, a whole cluster on this machine

  npm start -- [options]           start it; Ctrl-C ends it and leaves nothing behind
    --pods N          pods of the Deployment "goldpinger" (1 to 100)            3
    --interval S      seconds between two pings of one peer (0.1 to 3600)       2
    --port N          port on 127.0.0.1 for the browser                         8080
    --pod-port N      port that each pod listens on, on its own 127.x.y.z       8080
    --env NAME=VALUE  another setting for every pod, e.g. --env PING_NUMBER=2; may be repeated
    --dir PATH        where kubeconfig and logs are kept                        .local
    --help            this

  npm run local -- COMMAND         what kubectl would do, for a cluster that runs
    get pods|nodes|services|deployments|events [NAME] [-o wide|json] [-w] [-A]
    delete pod|deployment|service NAME... [--grace-period S] [--force]
    scale [DEPLOYMENT] N
    logs NAME [-c CONTAINER] [-f] [--tail N]
    apply -f FILE                  delete -f FILE
    annotate TEXT [--from TIME] [--to TIME] [--tag TAG ...] [--id ID]
                                   sets a mark on the timeline; times in ms since the epoch or RFC 3339
    service [NAME] --url           where a Service of type LoadBalancer or NodePort answers
    toxic ARGS                     as toxiproxy-cli ARGS, for the pod of deploy/kubernetes/goldpinger-chaos.yml:
                                   toxic create chaos -l 0.0.0.0:8080 -u localhost:9090
                                   toxic add --type latency --a latency=250 --upstream chaos
                                   toxic list|inspect|toggle|delete|update|remove; -h URL for another one
    each of them: [-n NAMESPACE], [--dir PATH] as the cluster was started with
`;

/** Reads the options of a start. Throws FlagError. */
export function parseStartFlags(args: readonly string[]): StartFlags {
  const faults: string[] = [];
  const number = (name: string, text: string, low: number, high: number, whole: boolean) => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
    faults.push(
      `--${name} must be a ${whole ? 'whole ' : ''}number from ${low} to ${high}, not ${JSON.stringify(text)}`,
    );
    return low;
  };
  const values = read(args);
  const flags = {
    pods: number('pods', values.pods, 1, 100, true),
    intervalS: number('interval', values.interval, 0.1, 3600, false),
    port: number('port', values.port, 1, 65_535, true),
    podPort: number('pod-port', values['pod-port'], 1, 65_535, true),
    dir: values.dir,
    env: envOf(values.env, faults),
    help: values.help,
  };
  if (flags.dir === '') faults.push('--dir must name a folder');
  if (faults.length > 0 && !flags.help) throw new FlagError(faults.join('\n'));
  return flags;
}

function read(args: readonly string[]) {
  const [first] = args;
  if (first !== undefined && !first.startsWith('-')) throw new FlagError(`${first.slice(0, 80)}: no such command`);
  try {
    return parseArgs({
      args: [...args],
      options: {
        pods: { type: 'string', default: '3' },
        interval: { type: 'string', default: '2' },
        port: { type: 'string', default: '8080' },
        'pod-port': { type: 'string', default: '8080' },
        dir: { type: 'string', default: DEFAULT_DIR },
        env: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new FlagError(error instanceof Error ? error.message : String(error));
  }
}

function envOf(pairs: readonly string[], faults: string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined) faults.push(`--env must be NAME=VALUE, not ${JSON.stringify(pair)}`);
    else env[name] = value;
  }
  return env;
}
