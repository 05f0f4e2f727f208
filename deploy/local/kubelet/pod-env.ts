import type { Container, PodObject } from '../api/objects.ts';

/** What a container can learn about where it runs. */
export interface Placement {
  podIP: string;
  hostIP: string;
  /** Ports of the pod that are redirected to others; [] in most pods. */
  redirected: readonly number[];
  /** Where programs of the pod listen on those ports; '' while none is redirected. */
  innerIP: string;
}

/** A value of a Secret by `NAMESPACE/NAME/KEY`; undefined where there is none. */
export type Secrets = (path: string) => string | undefined;

/**
 * A container's environment as its pod's spec gives it: values, fields of the pod (`fieldRef`), secrets, and `$(NAME)`
 * for variables named before. References to what does not exist here (config maps, other secrets) give no variable.
 */
export function specEnv(
  container: Container,
  pod: PodObject,
  placement: Placement,
  secrets: Secrets = () => undefined,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const path = valueFrom?.fieldRef?.fieldPath;
    const secret = valueFrom?.secretKeyRef;
    if (secret !== undefined) {
      const kept = secrets(`${pod.metadata.namespace ?? ''}/${secret.name ?? ''}/${secret.key ?? ''}`);
      if (kept !== undefined) env[name] = kept;
      continue;
    }
    const text = path === undefined ? value : podField(path, pod, placement);
    if (text !== undefined) env[name] = expand(text, env);
  }
  return env;
}

/** A container's arguments with `$(NAME)` replaced. */
export function specArgs(container: Container, env: Record<string, string>): string[] {
  return (container.args ?? []).map((arg) => expand(arg, env));
}

/**
 * The address that a program in a pod means by `host`. All pods of a local cluster share one loopback, so "every
 * address" and "localhost" have to be the pod's own, and for a port that is redirected its inner one.
 */
export function addressInPod(host: string, port: number, { podIP, redirected, innerIP }: Placement): string {
  if (!['', '0.0.0.0', '::', '[::]', 'localhost', '127.0.0.1', '::1'].includes(host)) return host;
  return redirected.includes(port) ? innerIP : podIP;
}

/** What programs of ours that stand for a pod's network are told of it. */
export function networkEnv({ podIP, redirected, innerIP }: Placement): Record<string, string> {
  return { POD_IP_HERE: podIP, POD_INNER_IP_HERE: innerIP, POD_REDIRECTED_HERE: redirected.join(',') };
}

function expand(text: string, env: Record<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, after: string, name: string) =>
    after === '$' ? '$' : Object.hasOwn(env, name) ? (env[name] ?? '') : whole,
  );
}

function podField(path: string, pod: PodObject, placement: Placement): string | undefined {
  const mapped = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (mapped) return pod.metadata[mapped[1] as 'labels' | 'annotations']?.[mapped[2] ?? ''] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName,
    'status.podIP': placement.podIP,
    'status.podIPs': placement.podIP,
    'status.hostIP': placement.hostIP,
    'status.hostIPs': placement.hostIP,
  };
  return fields[path];
}
