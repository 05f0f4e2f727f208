import { type ParseArgsConfig, parseArgs } from 'node:util';
import { textOf } from '../../server/runtime/errors.ts';

/** A wrong command line. The message names every problem, one per line. */
export class UsageError extends Error {}

/** `parseArgs` of Node. Throws UsageError. */
export function parseCommandLine<T extends ParseArgsConfig>(config: T) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(textOf(error));
  }
}

/** What `--help` prints. */
export const HELP = `goldpinger-ts, a whole cluster on this machine

  npm start -- [options]           start the cluster; Ctrl-C stops it and leaves nothing behind
    --pods N          number of pods of the Deployment "goldpinger" (1 to 100)  3
    --interval S      seconds between two pings of one peer (0.1 to 3600)       2
    --start-delay S   seconds that a new pod takes to start, as on a real node  2
    --port N          port on 127.0.0.1 for the browser                         8080
    --pod-port N      port that each pod listens on, on its own 127.x.y.z       8080
    --env NAME=VALUE  a setting for every pod, e.g. --env PING_NUMBER=2; can be repeated
    --dir PATH        folder for the kubeconfig and the logs                    .local
    --help            show this help

  npm run local -- COMMAND         control a running cluster, like kubectl
    get pods|nodes|services|deployments|events [NAME] [-o wide|json] [-w] [-A]
    delete pod|deployment|service NAME... [--grace-period S] [--force]
    scale [DEPLOYMENT] N
    logs NAME [-c CONTAINER] [-f] [--tail N]
    apply -f FILE                  delete -f FILE
    annotate TEXT [--from TIME] [--to TIME] [--tag TAG ...] [--id ID]
                                   add an annotation to the timeline; times in ms since the epoch or RFC 3339
    service [NAME] --url           show the URLs of a Service of type LoadBalancer or NodePort
    toxic ARGS                     like toxiproxy-cli ARGS, for the pod of deploy/kubernetes/goldpinger-chaos.yml:
                                   toxic create -l 0.0.0.0:8080 -u localhost:9090 chaos
                                   toxic add --type latency --a latency=250 --upstream chaos
                                   toxic list|inspect|toggle|delete|update|remove; -h URL for another API
    options of all commands: [-n NAMESPACE], [--dir PATH] if the cluster was started with --dir
`;
