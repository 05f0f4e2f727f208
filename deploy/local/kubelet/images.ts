import { dirname, join } from 'node:path';
import type { Container, PodObject } from '../api/objects.ts';
import type { Command } from './container-runner.ts';
import { addressInPod, networkEnv, type Placement, type Secrets, specArgs, specEnv } from './pod-env.ts';

/** Turns a container into the command that stands for its image here; null if this machine has nothing for it. */
export type Images = (container: Container, pod: PodObject, placement: Placement) => Command | null;

/** The names of images that this machine has a program for, in the words of a message. */
export const KNOWN_IMAGES =
  'goldpinger-ts and goldpinger (the server built here), toxiproxy (the fault proxy built here)';

/** What the programs need to know beyond the spec. */
interface Programs {
  /** The built server; the other built programs lie beside it unless `toolFolder` says otherwise. */
  serverPath: string;
  /** Folder of `fault-proxy.cjs` and `own-address.cjs`. */
  toolFolder?: string;
  /** Kubeconfig of a service account: what the mounted token is in a real pod. */
  kubeconfigOf(namespace: string, serviceAccount: string): string;
  /** What the Secrets hold that pods may refer to; none by default. */
  secrets?: Secrets;
}

/** As in most images; a container sees nothing of the environment that the cluster was started in. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The images of a local cluster: `goldpinger-ts`, `goldpinger` and `toxiproxy`, of any registry and tag. */
export function localImages(programs: Programs): Images {
  const tool = (name: string) => join(programs.toolFolder ?? dirname(programs.serverPath), name);
  return (container, pod, placement) => {
    const name = imageName(container.image);
    const env = specEnv(container, pod, placement, programs.secrets);
    const args = specArgs(container, env);
    if (name === 'toxiproxy') {
      // As the image's own command has it: with its API on every address.
      const flags = args.length > 0 ? args : ['-host=0.0.0.0'];
      return {
        file: process.execPath,
        args: [tool('fault-proxy.cjs'), ...flags],
        env: { PATH, ...env, ...networkEnv(placement) },
      };
    }
    if (name !== 'goldpinger-ts' && name !== 'goldpinger') return null;
    const isRedirected = placement.redirected.length > 0;
    const kubeconfig = programs.kubeconfigOf(pod.metadata.namespace ?? '', pod.spec.serviceAccountName ?? 'default');
    const port = Number(env['PORT'] ?? 8080);
    return {
      file: process.execPath,
      args: [
        ...(isRedirected ? ['--require', tool('own-address.cjs')] : []),
        programs.serverPath,
        ...args.map(hostOption(port, placement)),
      ],
      env: {
        PATH,
        KUBECONFIG: kubeconfig,
        ...env,
        ...(isRedirected ? networkEnv(placement) : {}),
        HOST: addressInPod(env['HOST'] ?? '', port, placement),
      },
    };
  };
}

/** The last part of an image's name, without tag and digest: `goldpinger` of `docker.io/bloomberg/goldpinger:3.10`. */
function imageName(image: string): string {
  const last = image.split('/').at(-1) ?? '';
  return last.split(/[:@]/)[0] ?? '';
}

/** Rewrites `--host=0.0.0.0`, and `0.0.0.0` after `--host`. */
function hostOption(port: number, placement: Placement): (arg: string, at: number, all: string[]) => string {
  return (arg, at, all) => {
    if (arg.startsWith('--host=')) return `--host=${addressInPod(arg.slice('--host='.length), port, placement)}`;
    return all[at - 1] === '--host' ? addressInPod(arg, port, placement) : arg;
  };
}
