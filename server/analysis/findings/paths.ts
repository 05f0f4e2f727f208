import { type Finding, type FindingKind, MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { FLAG_NOT_YET } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { Outcome, Path, ProbeResult } from '../../protocol/sample.ts';
import type { MeshCounts } from './counts.ts';
import { outcomeText, percent } from './messages.ts';

/*
 * Findings about the paths of the cluster that PATH_CHECKS probes. A pod is a witness of a path only if it reaches most other
 * pods: then a path that fails is no fault of the pod's own network. Of each witness the most basic failing path is a cause, and
 * explains those that depend on it.
 */

/** What a finding can be about: a Service is checked in two ways. The more basic comes first. */
const SUBJECTS = ['service', 'dns', 'apiserver', 'ingress'] as const;
type Subject = (typeof SUBJECTS)[number];

/** The checks of each, the more basic first. */
const CHECKS: Record<Subject, readonly Path[]> = {
  service: ['service-ip', 'service'],
  dns: ['dns'],
  apiserver: ['apiserver'],
  ingress: ['ingress'],
};
const KINDS: Record<Subject, FindingKind> = {
  service: 'path-service',
  dns: 'path-dns',
  apiserver: 'path-apiserver',
  ingress: 'path-ingress',
};
const NAMES: Record<Subject, string> = {
  service: 'Service',
  dns: 'Cluster DNS',
  apiserver: 'API server',
  ingress: 'Ingress',
};

/** One pod's results of all its paths. */
interface Witness {
  report: MergedReport;
  results: Map<Path, ProbeResult>;
  /** The paths that fail by themselves. */
  causes: Set<Subject>;
}

/**
 * Finds the paths that fail while pods reach each other. `hasLostPods`: other findings say that pods cannot be reached. A Service may
 * lead there, so a Service or ingress that fails for some pods at times is then no finding of its own. Yields after each report.
 */
export function* pathFindings(mesh: MeshCounts, hasLostPods: boolean): Generator<void, Finding[]> {
  const witnesses: Witness[] = [];
  for (const report of mesh.reports.values()) {
    if (!report.probes.some(isPathResult)) continue;
    if (canTell(mesh, report)) witnesses.push(witnessOf(report));
    yield;
  }
  witnesses.sort((a, b) => a.report.pod - b.report.pod);
  return SUBJECTS.flatMap((subject) => {
    const asked = witnesses.filter((witness) => CHECKS[subject].some((path) => witness.results.has(path)));
    const failing = asked.filter(({ causes }) => causes.has(subject));
    return isFinding(subject, asked, failing, hasLostPods) ? [findingOf(mesh, subject, asked, failing)] : [];
  });
}

function isPathResult({ path, atMs }: ProbeResult): boolean {
  return path !== undefined && atMs > 0;
}

/** Whether a pod's results of paths are no sign of its own trouble: it reaches more than half of its links. */
function canTell({ topology }: MeshCounts, { pod, links }: MergedReport): boolean {
  let [reached, probed] = [0, 0];
  for (let i = 0; i < links.length; i++) {
    if (links.to[i] === pod || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    probed += 1;
    if (links.outcome[i] === 0) reached += 1;
  }
  return topology.judgedCount === 1 || reached * 2 > probed;
}

/** The results of a pod. Its timeouts do not count if it has too little CPU; a refused connection is a fact all the same. */
function witnessOf(report: MergedReport): Witness {
  const results = new Map<Path, ProbeResult>();
  const isStarved = report.starvation?.unreliable === true;
  for (const probe of report.probes) {
    const isDoubted = isStarved && probe.outcome === 'timeout';
    if (probe.path !== undefined && isPathResult(probe) && !isDoubted) results.set(probe.path, probe);
  }
  return { report, results, causes: causesOf(results) };
}

/** The paths that fail for a pod and that no more basic path explains. */
function causesOf(results: Witness['results']): Set<Subject> {
  const failed = SUBJECTS.filter((subject) => CHECKS[subject].some((path) => isFailed(outcomeIn(results, path))));
  // The DNS and the API server are Services as well, and an ingress leads to one.
  if (isFailed(outcomeIn(results, 'service-ip'))) {
    const isOwn = (subject: Subject) => subject === 'apiserver' && outcomeIn(results, 'apiserver') === 'http-status';
    return new Set(failed.filter((subject) => subject === 'service' || isOwn(subject)));
  }
  if (!failed.includes('dns')) return new Set(failed);
  return new Set(failed.filter((subject) => subject === 'dns' || !failsByName(results.get(subject))));
}

/** Whether a failure is what becomes of a request whose host name is not resolved. */
function failsByName(probe: ProbeResult | undefined): boolean {
  if (probe === undefined || !URL.canParse(probe.target)) return false;
  const host = new URL(probe.target).hostname;
  const isAddress = host.startsWith('[') || /^[\d.]+$/.test(host);
  return !isAddress && (probe.outcome === 'dns' || probe.outcome === 'timeout');
}

function outcomeIn(results: Witness['results'], path: Path): Outcome | null {
  const probe = results.get(path);
  if (probe === undefined) return null;
  return probe.error === ''
    ? 'ok'
    : probe.outcome === undefined || probe.outcome === 'ok'
      ? 'unreachable'
      : probe.outcome;
}

function isFailed(outcome: Outcome | null): outcome is Outcome {
  return outcome !== null && outcome !== 'ok';
}

/** The failure that is the evidence for a cause. */
function evidenceOf(subject: Subject, { results }: Witness): ProbeResult | undefined {
  const path = CHECKS[subject].find((check) => isFailed(outcomeIn(results, check)));
  return path && results.get(path);
}

/**
 * Whether failures are a finding: several pods agree, or one has failed twice or more in a row. With lost pods a Service or ingress is
 * named only if all witnesses have failed twice or more.
 */
function isFinding(subject: Subject, asked: Witness[], failing: Witness[], hasLostPods: boolean): boolean {
  if (failing.length === 0) return false;
  const confirmed = failing.filter((witness) => {
    const probe = evidenceOf(subject, witness);
    return probe?.sinceMs !== undefined && probe.sinceMs < probe.atMs;
  });
  const mayLeadToLostPod = hasLostPods && (subject === 'service' || subject === 'ingress');
  if (mayLeadToLostPod) return confirmed.length === asked.length;
  return confirmed.length > 0 || (failing.length >= 2 && failing.length * 2 > asked.length);
}

function findingOf(mesh: MeshCounts, subject: Subject, asked: Witness[], failing: Witness[]): Finding {
  const evidence = failing.flatMap((witness) => evidenceOf(subject, witness) ?? []);
  const outcome = commonest(evidence.map((probe) => probe.outcome ?? 'unreachable'));
  const first = evidence.find((probe) => probe.outcome === outcome) ?? evidence[0];
  const name = `${NAMES[subject]} ${placeOf(first?.target ?? '')}`;
  const how = outcome === 'dns' ? 'its name is not resolved' : outcomeText(outcome, null);
  const isPart = failing.length < asked.length;
  const advice = adviceFor(subject, outcome, failing, isPart ? onlyNode(mesh, failing) : '');
  const details = [
    `${failing.length} of ${asked.length} pods that reach most others fail (${percent(failing.length, asked.length)}): ${first?.error ?? ''}.`,
    subject === 'service' ? serviceText(failing) : '',
    otherText(subject, failing),
    NEXT_STEPS[subject],
  ];
  return {
    kind: KINDS[subject],
    severity: 'failed',
    subject: name,
    pods: [],
    from: failing.map(({ report }) => report.pod).slice(0, MAX_FINDING_PODS),
    affected: failing.length,
    of: asked.length,
    outcome,
    phase: null,
    connectUs: -1,
    firstByteUs: -1,
    totalUs: -1,
    sinceMs: sinceOf(subject, failing),
    title: `${name}: ${whoText(mesh, asked, failing)}, ${how}: ${advice}`.slice(0, 400),
    detail: details.filter(Boolean).join(' ').slice(0, 600),
  };
}

/** When the first of the failing pods began to fail, by our clock and to about an interval; 0 = not known. */
function sinceOf(subject: Subject, failing: Witness[]): number {
  const times = failing.flatMap((witness) => {
    const probe = evidenceOf(subject, witness);
    return probe?.sinceMs === undefined ? [] : [witness.report.atMs - Math.max(0, probe.atMs - probe.sinceMs)];
  });
  return times.length === 0 ? 0 : Math.max(0, Math.min(...times));
}

/** The node that all these pods are on; '' = several, or not known. */
function onlyNode({ topology }: MeshCounts, failing: Witness[]): string {
  const nodes = new Set(failing.map(({ report }) => topology.nodeOf[report.pod] ?? -1));
  const [node = -1] = nodes;
  return nodes.size === 1 ? (topology.nodes[node]?.name ?? '') : '';
}

/** `fails from all 3 pods while they reach each other`, `fails only from pod-a`, `fails only from node b (2 of 9 pods)`. */
function whoText(mesh: MeshCounts, asked: Witness[], failing: Witness[]): string {
  const [of, count] = [asked.length, failing.length];
  if (mesh.topology.judgedCount === 1) return 'fails from the only pod';
  if (count === of) {
    return of === 1 ? 'fails from the only pod that can tell' : `fails from all ${of} pods while they reach each other`;
  }
  if (count === 1) return `fails only from ${mesh.topology.name(failing[0]?.report.pod ?? -1)}`;
  const node = onlyNode(mesh, failing);
  return node === '' ? `fails from ${count} of ${of} pods` : `fails only from node ${node} (${count} of ${of} pods)`;
}

/** Whether the Service fails in both ways. */
function serviceText(failing: Witness[]): string {
  const works = (path: Path) => failing.some(({ results }) => outcomeIn(results, path) === 'ok');
  const isBad = (path: Path) => failing.some(({ results }) => isFailed(outcomeIn(results, path)));
  if (!isBad('service-ip') && works('service-ip')) return 'By its cluster IP it works.';
  return !isBad('service') && works('service') ? 'By name it works.' : '';
}

/** What else fails or works from the failing pods. */
function otherText(subject: Subject, failing: Witness[]): string {
  const rest = SUBJECTS.filter((other) => other !== subject && failing.some(({ results }) => results.has(other)));
  const bad = rest.filter((other) => failing.some(({ results }) => isFailed(outcomeIn(results, other))));
  const good = rest.filter((other) => !bad.includes(other));
  const sentence = (list: Subject[], one: string, several: string) =>
    list.length === 0 ? '' : `${list.map((other) => NAMES[other]).join(', ')} ${list.length === 1 ? one : several}.`;
  return [sentence(bad, 'fails, too', 'fail, too'), sentence(good, 'works', 'work')].filter(Boolean).join(' ');
}

/** What to check. `node`: the only node where it fails; '' = none. */
function adviceFor(subject: Subject, outcome: Outcome, failing: Witness[], node: string): string {
  if (subject === 'dns') {
    if (outcome === 'dns') return "check CoreDNS and the pods' dnsPolicy";
    return 'check whether CoreDNS runs and whether its Service answers';
  }
  if (subject === 'apiserver') {
    if (outcome === 'http-status') return 'it says that it is not healthy: check its log and etcd';
    return 'check the API server, and kube-proxy and network policies on the way to it';
  }
  if (subject === 'ingress') {
    if (outcome === 'dns') return 'check the DNS entry of its host';
    if (outcome === 'http-status') return "check the ingress' rule, its controller's log and the Service behind it";
    return 'check the ingress controller and its load balancer';
  }
  if (outcome === 'dns') return 'check whether the Service exists (PATH_SERVICE_URL)';
  if (outcome === 'http-status' || outcome === 'malformed') return 'check its selector and its ports';
  const isAll = (path: Path) => failing.every(({ results }) => isFailed(outcomeIn(results, path)));
  if (isAll('dns') || isAll('apiserver')) return 'other Services fail, too: check kube-proxy';
  if (node !== '') return `check kube-proxy on node ${node}`;
  return 'check kube-proxy and the endpoints of the Service';
}

const NEXT_STEPS: Record<Subject, string> = {
  service:
    'Next: kubectl get service,endpointslices; kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide (or your network plugin, where it replaces kube-proxy).',
  dns: 'Next: kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns -o wide.',
  apiserver: "Next: kubectl get --raw '/livez?verbose'.",
  ingress: 'Next: kubectl get ingress; kubectl describe ingress.',
};

/** Host and port of a target, without path. Safe to show within 120 characters. */
function placeOf(target: string): string {
  return (URL.canParse(target) && new URL(target).host !== '' ? new URL(target).host : target).slice(0, 120);
}

function commonest(outcomes: readonly Outcome[]): Outcome {
  const counts = new Map<Outcome, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const [[most] = ['unreachable' as const]] = [...counts].sort(([, a], [, b]) => b - a);
  return most;
}
