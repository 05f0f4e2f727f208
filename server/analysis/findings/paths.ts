import { type Finding, type FindingKind, MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { wasStarvedWhile } from '../../protocol/link-state.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import { NO_SUCH_NAME, type Outcome, type Path, type ProbeResult } from '../../protocol/sample.ts';
import { countText } from '../../runtime/count-text.ts';
import { percent } from '../text.ts';
import type { MeshCounts } from './counts.ts';
import { mostCommon } from './evidence.ts';
import { makeFinding, outcomeText } from './messages.ts';
import { reachesMost } from './pinged-since.ts';

/*
 * Findings about the paths of the cluster that PATH_CHECKS probes: docs/paths.md has the rules. A pod is a witness of a path only if
 * it reaches most other pods: then a path that fails is no fault of the pod's own network.
 */

/** What a finding can be about. */
type Subject = 'service' | 'dns' | 'apiserver' | 'ingress';

interface SubjectTexts {
  kind: FindingKind;
  name: string;
  /** The paths that check it, the more basic first. */
  checks: readonly Path[];
  /** What to check, by the outcome of the failing requests, and for all other outcomes. */
  advice: Partial<Record<Outcome, string>>;
  otherwise: string;
  /** The commands to run next, as a sentence. */
  next: string;
}

const SERVICE_SELECTOR = 'check its selector and its ports';

/** In the order in which findings stand. */
const SUBJECTS: Record<Subject, SubjectTexts> = {
  service: {
    kind: 'path-service',
    name: 'Service',
    checks: ['service-ip', 'service'],
    advice: {
      dns: 'check whether the Service exists (PATH_SERVICE_URL)',
      'http-status': SERVICE_SELECTOR,
      malformed: SERVICE_SELECTOR,
    },
    otherwise: 'check kube-proxy and the endpoints of the Service',
    next: 'Next: kubectl get service,endpointslices; kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide (or your network plugin, where it replaces kube-proxy).',
  },
  dns: {
    kind: 'path-dns',
    name: 'Cluster DNS',
    checks: ['dns'],
    advice: { dns: "check CoreDNS and the pods' dnsPolicy" },
    otherwise: 'check whether CoreDNS runs and whether its Service answers',
    next: 'Next: kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns -o wide.',
  },
  apiserver: {
    kind: 'path-apiserver',
    name: 'API server',
    checks: ['apiserver'],
    advice: { 'http-status': 'it says that it is not healthy: check its log and etcd' },
    otherwise: 'check the API server, and kube-proxy and network policies on the way to it',
    next: "Next: kubectl get --raw '/livez?verbose'.",
  },
  ingress: {
    kind: 'path-ingress',
    name: 'Ingress',
    checks: ['ingress'],
    advice: {
      dns: 'check the DNS entry of its host',
      'http-status': "check the ingress' rule, its controller's log and the Service behind it",
    },
    otherwise: 'check the ingress controller and its load balancer',
    next: 'Next: kubectl get ingress; kubectl describe ingress.',
  },
};
const SUBJECT_NAMES = Object.keys(SUBJECTS) as Subject[];

type PathResult = ProbeResult & { path: Path; outcome: Outcome };

/** One pod's results of all its paths. */
interface Witness {
  report: MergedReport;
  results: Map<Path, PathResult>;
  /** The subjects whose failure no more basic one explains, with the failing result. */
  causes: Map<Subject, PathResult>;
}

interface Failing extends Witness {
  probe: PathResult;
}

/**
 * Finds the paths that fail while pods reach each other. `hasUnreachablePods`: other findings say that pods cannot be reached.
 * A Service may lead there, so a failing Service or ingress is then a finding only if it has failed twice in a row from every
 * witness. Yields after each report.
 */
export function* pathFindings(mesh: MeshCounts, hasUnreachablePods: boolean): Generator<void, Finding[]> {
  const { judged, judgedCount } = mesh.topology;
  const witnesses: Witness[] = [];
  for (const report of mesh.reports.values()) {
    yield;
    if (!report.probes.some(isPathResult)) continue;
    const isOther = (pod: number) => pod !== report.pod && judged[pod] === 1;
    if (judgedCount === 1 || reachesMost(report, isOther)) witnesses.push(witnessOf(mesh, report));
  }
  witnesses.sort((a, b) => a.report.pod - b.report.pod);
  return SUBJECT_NAMES.flatMap((subject) => {
    const asked = witnesses.filter(({ results }) => SUBJECTS[subject].checks.some((path) => results.has(path)));
    const failing = asked.flatMap((witness) => {
      const probe = witness.causes.get(subject);
      return probe === undefined ? [] : [{ ...witness, probe }];
    });
    return isFinding(subject, asked, failing, hasUnreachablePods) ? [pathFinding(mesh, subject, asked, failing)] : [];
  });
}

/** A probe without an outcome says nothing of its path. */
function isPathResult(probe: ProbeResult): probe is PathResult {
  return probe.path !== undefined && probe.outcome !== undefined && probe.atMs > 0;
}

/** The results of a pod. A timeout is doubted if the pod was starved then; a refused connection is a fact all the same. */
function witnessOf({ doubted }: MeshCounts, report: MergedReport): Witness {
  const results = new Map<Path, PathResult>();
  for (const probe of report.probes) {
    if (!isPathResult(probe)) continue;
    const measured = { fromMs: probe.atMs - Math.max(0, probe.durationUs) / 1000, toMs: probe.atMs };
    if (probe.outcome === 'timeout' && wasStarvedWhile(report, measured)) {
      doubted.add(report.pod);
      continue;
    }
    results.set(probe.path, probe);
  }
  return { report, results, causes: causesOf(results) };
}

/** The subjects that fail for a pod and that no more basic one explains: see `Witness.causes`. */
function causesOf(results: Witness['results']): Map<Subject, PathResult> {
  const failed = new Map<Subject, PathResult>();
  for (const subject of SUBJECT_NAMES) {
    const path = SUBJECTS[subject].checks.find((check) => fails(results, check));
    const probe = path && results.get(path);
    if (probe !== undefined) failed.set(subject, probe);
  }
  // The DNS and the API server are Services as well, and an ingress leads to one.
  if (fails(results, 'service-ip')) {
    // Only an API server that answers fails by itself.
    const isUnexplained = (subject: Subject, { outcome }: PathResult) =>
      subject === 'service' || (subject === 'apiserver' && outcome === 'http-status');
    return new Map([...failed].filter(([subject, probe]) => isUnexplained(subject, probe)));
  }
  if (!failed.has('dns')) return failed;
  return new Map([...failed].filter(([subject, probe]) => subject === 'dns' || !failsByName(probe)));
}

/** Whether a failed request may be due to a host name that was not resolved. */
function failsByName({ target, outcome }: PathResult): boolean {
  if (!URL.canParse(target)) return false;
  const host = new URL(target).hostname;
  const isAddress = host.startsWith('[') || /^[\d.]+$/.test(host);
  return !isAddress && (outcome === 'dns' || outcome === 'timeout');
}

function fails(results: Witness['results'], path: Path): boolean {
  return (results.get(path)?.outcome ?? 'ok') !== 'ok';
}

/** Whether failures are a finding: see docs/paths.md. Confirmed: it has failed twice or more in a row. */
function isFinding(subject: Subject, asked: Witness[], failing: Failing[], hasUnreachablePods: boolean): boolean {
  if (failing.length === 0) return false;
  const confirmed = failing.filter(({ probe: { sinceMs, atMs } }) => sinceMs !== undefined && sinceMs < atMs);
  const mayLeadThere = hasUnreachablePods && (subject === 'service' || subject === 'ingress');
  if (mayLeadThere) return confirmed.length === asked.length;
  return confirmed.length > 0 || (failing.length >= 2 && failing.length * 2 > asked.length);
}

/** `asked`: all pods that can tell. `failing`: those of them from which the subject fails, at least one. */
function pathFinding(mesh: MeshCounts, subject: Subject, asked: Witness[], failing: Failing[]): Finding {
  const outcome = mostCommon(failing.map(({ probe }) => probe.outcome)) ?? 'unreachable';
  const first = failing.find(({ probe }) => probe.outcome === outcome)?.probe;
  const { kind, next, name: subjectName } = SUBJECTS[subject];
  const name = `${subjectName} ${placeOf(first?.target ?? '')}`;
  const how = outcome === 'dns' ? 'its name is not resolved' : outcomeText(outcome, null);
  const times = failing.flatMap(({ probe: { sinceMs } }) => sinceMs ?? []);
  const isPart = failing.length < asked.length;
  const advice = adviceFor(subject, outcome, failing, isPart ? onlyNode(mesh, failing) : '');
  const pods =
    asked.length === 1
      ? 'the only pod that can tell'
      : `${countText(failing.length)} of ${countText(asked.length)} pods that reach most others (${percent(failing.length, asked.length)})`;
  const details = [
    `It fails from ${pods}: ${first?.error ?? ''}.`,
    subject === 'service' ? serviceText(failing) : '',
    otherText(subject, failing),
    next,
  ];
  return makeFinding({
    kind,
    severity: 'failed',
    subject: name,
    from: failing.map(({ report }) => report.pod).slice(0, MAX_FINDING_PODS),
    affected: failing.length,
    of: asked.length,
    outcome,
    // When the first of them began to fail.
    sinceMs: times.length === 0 ? 0 : Math.round(Math.min(...times)),
    title: `${name}: ${whoText(mesh, asked, failing)}, ${how}: ${advice}`,
    detail: details.filter(Boolean).join(' '),
  });
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
    return of === 1
      ? 'fails from the only pod that can tell'
      : `fails from all ${countText(of)} pods while they reach each other`;
  }
  if (count === 1) return `fails only from ${mesh.topology.name(failing[0]?.report.pod ?? -1)}`;
  const node = onlyNode(mesh, failing);
  return node === ''
    ? `fails from ${countText(count)} of ${countText(of)} pods`
    : `fails only from node ${node} (${countText(count)} of ${countText(of)} pods)`;
}

/** By which way the Service still works; '' = by neither. */
function serviceText(failing: Witness[]): string {
  const works = (path: Path) =>
    failing.some(({ results }) => results.has(path)) && !failing.some(({ results }) => fails(results, path));
  if (works('service-ip')) return 'By its cluster IP it works.';
  return works('service') ? 'By name it works.' : '';
}

/** Which other subjects the failing pods check, and whether those fail for one of them or work for all; '' = none. */
function otherText(subject: Subject, failing: Witness[]): string {
  const rest = SUBJECT_NAMES.filter((other) => other !== subject && failing.some(({ results }) => results.has(other)));
  const bad = rest.filter((other) => failing.some(({ results }) => fails(results, other)));
  const good = rest.filter((other) => !bad.includes(other));
  const sentence = (list: Subject[], one: string, several: string) =>
    list.length === 0
      ? ''
      : `${list.map((other) => SUBJECTS[other].name).join(', ')} ${list.length === 1 ? one : several}.`;
  return [sentence(bad, 'fails, too', 'fail, too'), sentence(good, 'works', 'work')].filter(Boolean).join(' ');
}

/** What to check. `node`: the only one from which the subject fails; '' = there are several, or not known. */
function adviceFor(subject: Subject, outcome: Outcome, failing: Witness[], node: string): string {
  const { advice, otherwise } = SUBJECTS[subject];
  const ofOutcome = advice[outcome];
  if (subject !== 'service' || ofOutcome !== undefined) return ofOutcome ?? otherwise;
  // An API server or DNS that answers is reached, whatever it says.
  const hasAnswered = ({ outcome, error }: PathResult) => outcome === 'http-status' || error.endsWith(NO_SUCH_NAME);
  const isAllSilent = (path: Path) =>
    failing.every(({ results }) => {
      const result = results.get(path);
      return fails(results, path) && result !== undefined && !hasAnswered(result);
    });
  if (isAllSilent('dns') || isAllSilent('apiserver')) return 'other Services fail, too: check kube-proxy';
  return node === '' ? otherwise : `check kube-proxy on node ${node}`;
}

/** Host and port of a URL, without user, password and path; any other target as it is. At most 120 characters. */
function placeOf(target: string): string {
  const host = URL.canParse(target) ? new URL(target).host : '';
  return (host || target).slice(0, 120);
}
