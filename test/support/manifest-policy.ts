import type { Manifest } from './manifest-schema.ts';

/** A pod's template with where it stands. */
interface Workload {
  at: string;
  labels: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: read freely; its shape is what `schemaFaults` is for.
  spec: any;
}

/** Kinds that run pods; a bare Pod is its own template. */
const WORKLOADS = ['Deployment', 'DaemonSet'];

function workloadsOf(objects: readonly Manifest[]): Workload[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    const at = `${kind} ${metadata.name}`;
    if (kind === 'Pod') return [{ at, labels: metadata.labels ?? {}, spec }];
    if (!WORKLOADS.includes(kind)) return [];
    return [{ at, labels: spec.template.metadata.labels, spec: spec.template.spec }];
  });
}

/** Whether every pair of `selector` is among `labels`. */
export function selects(selector: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

/**
 * What the house's policy has against these objects, one line each: root, writable roots, capabilities, missing limits
 * or probes, probes that name no path of ours, selectors that select nobody, more rights than needed.
 */
export function policyFaults(objects: readonly Manifest[]): string[] {
  const faults = workloadsOf(objects).flatMap(({ at, spec }) => [
    ...podFaults(spec).map((fault) => `${at}: ${fault}`),
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    ...spec.containers.flatMap((container: any) =>
      containerFaults(container, spec).map((fault) => `${at}, container ${container.name}: ${fault}`),
    ),
  ]);
  return [...faults, ...selectorFaults(objects), ...rightsFaults(objects)];
}

function podFaults(spec: Workload['spec']): string[] {
  const faults: string[] = [];
  if (spec.hostPID === true || spec.hostIPC === true) faults.push('shares the host');
  if (spec.volumes?.some((volume: object) => 'hostPath' in volume)) faults.push('mounts a folder of the host');
  return faults;
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
function containerFaults(container: any, pod: any): string[] {
  const secure = { ...pod.securityContext, ...container.securityContext };
  const faults: string[] = [];
  const must = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  must(secure.runAsNonRoot === true && secure.runAsUser !== 0, 'may run as root');
  must(secure.readOnlyRootFilesystem === true, 'may write to its root');
  must(secure.allowPrivilegeEscalation === false, 'may gain privileges');
  must(secure.privileged !== true, 'is privileged');
  must(secure.capabilities?.drop?.includes('ALL') === true && !secure.capabilities?.add, 'has capabilities');
  must(secure.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile');
  must(container.resources?.limits?.memory !== undefined, 'has no memory limit');
  must(container.resources?.requests?.cpu !== undefined, 'has no CPU request');
  must(container.livenessProbe !== undefined, 'has no liveness probe');
  must(container.readinessProbe !== undefined, 'has no readiness probe');
  // What `npm run image` makes has no version: whoever runs it knows what it is.
  const isPinned = container.image === 'goldpinger-ts:dev' || /^[\w./-]+:[\w.-]*\d[\w.-]*$/.test(container.image);
  must(isPinned, `its image ${container.image} is not pinned to a version`);
  return faults;
}

/** Workloads must select their own pods, and Services, budgets, policies and monitors somebody in the same texts. */
function selectorFaults(objects: readonly Manifest[]): string[] {
  const pods = workloadsOf(objects);
  const services = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.labels ?? {});
  const faults: string[] = [];
  for (const { kind, metadata, spec } of objects) {
    const found = (selector: Record<string, string>, among: Record<string, string>[]) => {
      if (!among.some((labels) => selects(selector, labels))) faults.push(`${kind} ${metadata.name} selects nobody`);
    };
    const podLabels = pods.map(({ labels }) => labels);
    if (WORKLOADS.includes(kind)) found(spec.selector.matchLabels, [spec.template.metadata.labels]);
    if (kind === 'Service') found(spec.selector, podLabels);
    if (kind === 'PodDisruptionBudget' || kind === 'PodMonitor') found(spec.selector.matchLabels, podLabels);
    if (kind === 'NetworkPolicy') found(spec.podSelector.matchLabels, podLabels);
    if (kind === 'ServiceMonitor') found(spec.selector.matchLabels, services);
  }
  return faults;
}

/** Reading pods, and of nodes what needs no watch; nothing else, and nothing by wildcard. */
const RIGHTS: Record<string, string[]> = { pods: ['get', 'list', 'watch'], nodes: ['get', 'list'] };

function rightsFaults(objects: readonly Manifest[]): string[] {
  const roles = objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
  return roles.flatMap(({ kind, metadata, rules }) =>
    rules.flatMap((rule: { apiGroups: string[]; resources: string[]; verbs: string[] }) =>
      rule.resources.flatMap((resource) =>
        rule.verbs
          .filter((verb) => rule.apiGroups.join() !== '' || !RIGHTS[resource]?.includes(verb))
          .map((verb) => `${kind} ${metadata.name} may ${verb} ${resource}`),
      ),
    ),
  );
}
