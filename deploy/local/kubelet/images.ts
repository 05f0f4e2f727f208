import { dirname, join } from 'node:path';
import { SETTINGS } from '../../../server/config/settings.ts';
import PROCESS from '../../process.json';
import { type Container, type PodObject, textAt } from '../api/objects.ts';
import { addressInPod, networkEnv, type PodNetwork } from '../pod-network.ts';

/** The program that runs in place of a container's image, with its arguments and its complete environment. */
export interface Command {
  file: string;
  args: string[];
  env: Record<string, string>;
  /** Names of the variables of the pod's spec that the program does not get. */
  ignored: string[];
}

/** Where a pod runs: its addresses, and that of its node. */
export interface Placement extends PodNetwork {
  hostIP: string;
}

/** Finds the command for a container's image; null if this machine has none. */
export type Images = (container: Container, pod: PodObject, placement: Placement) => Command | null;

/** The images that this machine has a program for, as a message lists them. */
export const KNOWN_IMAGES =
  'goldpinger-ts and goldpinger (the server built here), toxiproxy (the fault proxy built here)';

interface Programs {
  /** The built server. `fault-proxy.cjs` and `own-address.cjs` are in the same folder. */
  serverPath: string;
  /** Returns the kubeconfig of a service account. It replaces the mounted token of a real pod. */
  kubeconfigOf(namespace: string, serviceAccount: string): string;
  /** Variables, not settings of the server, that a pod may have with exactly these values: those of `--env`. */
  extraVariables: Record<string, string>;
  /** Returns the value of a key of a Secret; undefined if there is none. */
  secretOf(namespace: string, name: string, key: string): string | undefined;
}

/**
 * The variables of a pod's spec that the server gets: its settings. Any other could run code on this machine, e.g. NODE_OPTIONS. So
 * could a KUBECONFIG of the spec, because a kubeconfig may name programs; the server gets the one of its service account.
 */
const SETTING_NAMES = new Set(
  Object.values(SETTINGS)
    .flatMap(({ variable, deprecated }: { variable: string; deprecated?: { variable: string } }) => [
      variable,
      ...(deprecated ? [deprecated.variable] : []),
    ])
    .filter((name) => name !== 'KUBECONFIG'),
);

/** As in most images. A container sees no variable of the cluster's own environment. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The images of a local cluster: `goldpinger-ts`, `goldpinger` and `toxiproxy`, of any registry and tag. Of a container's spec only
 * `args` and `env` are read. A `command` is ignored, because it names a program inside the image.
 */
export function localImages(programs: Programs): Images {
  return (container, pod, placement) => {
    const name = imageName(container.image);
    const env = specEnv(container, pod, placement, programs.secretOf);
    const args = (container.args ?? []).map((arg) => expandVariables(arg, env));
    if (name === 'toxiproxy') return faultProxyCommand(programs, args, env, placement);
    if (name === 'goldpinger-ts' || name === 'goldpinger') return serverCommand(programs, pod, args, env, placement);
    return null;
  };
}

/** The command of the fault proxy. It gets no variable of the pod's spec. */
function faultProxyCommand(
  { serverPath }: Programs,
  args: string[],
  env: Record<string, string>,
  placement: Placement,
): Command {
  // Without arguments the image's own command listens on every address.
  const flags = args.length > 0 ? args : ['-host=0.0.0.0'];
  return {
    file: process.execPath,
    args: [join(dirname(serverPath), 'fault-proxy.cjs'), ...flags],
    env: { PATH, ...networkEnv(placement) },
    ignored: Object.keys(env),
  };
}

/** The command of the server. It gets the settings of the pod's spec, and what the cluster sets. */
function serverCommand(
  { serverPath, kubeconfigOf, extraVariables }: Programs,
  pod: PodObject,
  args: string[],
  env: Record<string, string>,
  placement: Placement,
): Command {
  // The pods of a local cluster set the port by PORT; the flag --port is not looked for.
  const port = Number(env['PORT'] ?? SETTINGS.port.default);
  // PowerfulSeal redirects a port of a pod to its own proxy. Then the server listens on the inner address instead.
  const isRedirected = placement.redirected.length > 0;
  const isPassed = (name: string) =>
    SETTING_NAMES.has(name) || (Object.hasOwn(extraVariables, name) && extraVariables[name] === env[name]);
  return {
    file: process.execPath,
    args: [
      ...PROCESS.nodeFlags,
      ...(isRedirected ? ['--require', join(dirname(serverPath), 'own-address.cjs')] : []),
      serverPath,
      ...withoutPlace(args),
    ],
    env: {
      ...Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name))),
      // Last, so that no variable of the pod replaces them.
      ...PROCESS.env,
      PATH,
      KUBECONFIG: kubeconfigOf(pod.metadata.namespace ?? '', pod.spec.serviceAccountName ?? 'default'),
      ...(isRedirected ? networkEnv(placement) : {}),
      HOST: addressInPod(env['HOST'] ?? '', port, placement),
    },
    ignored: Object.keys(env).filter((name) => !isPassed(name)),
  };
}

/** Returns the last part of an image's name without tag and digest: `goldpinger` of `docker.io/x/goldpinger:3.10`. */
function imageName(image: string): string {
  const last = image.split('/').at(-1) ?? '';
  return last.split(/[:@]/)[0] ?? '';
}

/** The arguments without `--host` and `--kubeconfig`. The cluster sets both, by the variables HOST and KUBECONFIG. */
function withoutPlace(args: readonly string[]): string[] {
  const isPlace = (arg = '') => /^--(host|kubeconfig)$/.test(arg);
  return args.filter((arg, i) => !isPlace(arg.split('=')[0]) && !isPlace(args[i - 1]));
}

/**
 * Makes a container's environment from its spec: values, fields of the pod (`fieldRef`), secrets, and `$(NAME)` for
 * earlier variables. A reference to something that does not exist here (a config map, another secret) sets no variable.
 */
function specEnv(
  container: Container,
  pod: PodObject,
  placement: Placement,
  secretOf: Programs['secretOf'],
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value = '', valueFrom } of container.env ?? []) {
    const { fieldRef, secretKeyRef } = valueFrom ?? {};
    let text: string | undefined;
    if (secretKeyRef) text = secretOf(pod.metadata.namespace ?? '', secretKeyRef.name ?? '', secretKeyRef.key ?? '');
    else if (fieldRef) text = podField(fieldRef.fieldPath, pod, placement);
    else if (!valueFrom) text = expandVariables(value, env);
    if (text !== undefined) env[name] = text;
  }
  return env;
}

/** Replaces `$(NAME)` by the variable's value and `$$` by `$`. An unknown variable stays as it is. */
function expandVariables(text: string, env: Record<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, after: string, name: string) =>
    after === '$' ? '$' : Object.hasOwn(env, name) ? (env[name] ?? '') : whole,
  );
}

/** The value of a field of a pod (`fieldRef`); undefined if it has none. */
function podField(path: string, pod: PodObject, { podIP, hostIP }: Placement): string | undefined {
  const mapped = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (mapped) return pod.metadata[mapped[1] as 'labels' | 'annotations']?.[mapped[2] ?? ''] ?? '';
  return textAt({ ...pod, status: { podIP, podIPs: podIP, hostIP, hostIPs: hostIP } }, path) || undefined;
}
