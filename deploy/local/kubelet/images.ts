import type { Container, PodObject } from '../api/objects.ts';
import type { Command } from './container-process.ts';
import { addressInPod, type Placement, specArgs, specEnv } from './pod-env.ts';

/** Turns a container into the command that stands for its image here; null if this machine has nothing for it. */
export type Images = (container: Container, pod: PodObject, placement: Placement) => Command | null;

/** The names of images that this machine has a program for, in the words of a message. */
export const KNOWN_IMAGES = 'goldpinger-ts and goldpinger (the server built here)';

/** What the server needs to know beyond the spec. */
export interface ServerImage {
  /** The built server. */
  serverPath: string;
  /** Kubeconfig of a service account: what the mounted token is in a real pod. */
  kubeconfigOf(namespace: string, serviceAccount: string): string;
}

/** As in most images; a container sees nothing of the environment that the cluster was started in. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The images of a local cluster: anything named `goldpinger-ts` or `goldpinger`, of any registry and tag. */
export function localImages(server: ServerImage): Images {
  return (container, pod, placement) => {
    const name = imageName(container.image);
    if (name !== 'goldpinger-ts' && name !== 'goldpinger') return null;
    const env = specEnv(container, pod, placement);
    const kubeconfig = server.kubeconfigOf(pod.metadata.namespace ?? '', pod.spec.serviceAccountName ?? 'default');
    return {
      file: process.execPath,
      args: [server.serverPath, ...specArgs(container, env).map(hostOption(placement.podIP))],
      env: { PATH, KUBECONFIG: kubeconfig, ...env, HOST: addressInPod(env['HOST'] ?? '', placement.podIP) },
    };
  };
}

/** The last part of an image's name, without tag and digest: `goldpinger` of `docker.io/bloomberg/goldpinger:3.10`. */
function imageName(image: string): string {
  const last = image.split('/').at(-1) ?? '';
  return last.split(/[:@]/)[0] ?? '';
}

/** Rewrites `--host=0.0.0.0`, and `0.0.0.0` after `--host`. */
function hostOption(podIP: string): (arg: string, at: number, all: string[]) => string {
  return (arg, at, all) => {
    if (arg.startsWith('--host=')) return `--host=${addressInPod(arg.slice('--host='.length), podIP)}`;
    return all[at - 1] === '--host' ? addressInPod(arg, podIP) : arg;
  };
}
