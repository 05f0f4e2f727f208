import { setTimeout as pause } from 'node:timers/promises';
import type { EventKind, Events } from '../../server/protocol/event.ts';
import { isLinkEvent, parseEvents } from '../../server/protocol/event.ts';
import type { Finding, FindingKind } from '../../server/protocol/finding.ts';
import { isDoubted, isDoubtedByDestination, isStarved } from '../../server/protocol/link-state.ts';
import { FLAG_NOT_YET, outcomeOf } from '../../server/protocol/links.ts';
import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';
import { isJudged } from '../../server/protocol/pod.ts';
import type { Outcome } from '../../server/protocol/sample.ts';
import type { NetworkPod } from './pod.ts';

/** The window of the statistics, ms: that of `/api/v1/findings`. */
const WINDOW_MS = 60_000;
/** Time between two looks. Each costs every pod a report. */
const PAUSE_MS = 200;

/** What really happens to the pods, to compare their answers with. All by name of the pod. */
export interface Truth {
  /** Whether the fault breaks or delays this link. */
  affects: (from: string, to: string) => boolean;
  /** The pods that may be blamed. */
  culprits: readonly string[];
}

/** Whether a finding is about something else than a shortage of CPU. */
export const isNotStarved = ({ kind }: Finding) => kind !== 'cpu-starved';

/** What one pod answers at one moment. */
export interface Look {
  asked: string;
  mesh: Mesh;
  /** What stands out apart from pods that are short of CPU: the machine that runs the tests may be busy. */
  findings: Finding[];
  /** What is not true. */
  errors: string[];
  /** What is not true once the fault is known, but may be said while its first or last pings arrive. */
  laterErrors: string[];
}

/** Asks a pod for its mesh and compares it with the truth. */
export async function look(pod: NetworkPod, truth: Truth): Promise<Look> {
  const mesh = parseMesh(await (await fetch(`${pod.url}/api/v1/mesh?window=${WINDOW_MS}`)).json());
  const says = (texts: string[]) => texts.map((text) => `${pod.name} says: ${text}`);
  return {
    asked: pod.name,
    mesh,
    findings: mesh.findings.filter(isNotStarved),
    errors: says([...falseAlarms(mesh, truth), ...wrongLinkFindings(mesh, truth), ...contradictions(mesh)]),
    laterErrors: says(wrongCulprits(mesh, truth)),
  };
}

/** Asks pods again and again. Ends after `timeoutMs`, but not before it has looked once. */
export async function* looks(pods: readonly NetworkPod[], truth: Truth, timeoutMs: number): AsyncGenerator<Look[]> {
  const deadlineMs = performance.now() + timeoutMs;
  do {
    yield await Promise.all(pods.map((pod) => look(pod, truth)));
    await pause(PAUSE_MS);
  } while (performance.now() < deadlineMs);
}

/** A failed link of a mesh, by names of its pods. */
interface FailedLink {
  from: string;
  to: string;
  outcome: Outcome;
}

/** Kind and subject of the first finding that `isNotStarved` of a past moment (ms since the epoch), as a pod tells it now. */
export async function firstFindingAt(pod: NetworkPod, atMs: number): Promise<string> {
  const answer = await fetch(`${pod.url}/api/v1/mesh?at=${Math.round(atMs)}`);
  const [first] = parseMesh(await answer.json()).findings.filter(isNotStarved);
  return `${first?.kind} ${first?.subject}`;
}

/**
 * All links that a mesh calls failed. A link from or to a pod that starts or ends is never called so, and neither is one whose
 * failure is doubted because one of its pods is starved: see `isDoubted`.
 */
export function failedLinks({ pods, reports }: Mesh): FailedLink[] {
  const failed: FailedLink[] = [];
  const isJudgedPod = pods.map(isJudged);
  const starved = new Set(reports.filter(({ starvation }) => isStarved(starvation)).map(({ pod }) => pod));
  for (const { pod, links } of reports) {
    for (let i = 0; i < links.length; i++) {
      const outcome = outcomeOf(links, i);
      if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || outcome === 'ok') continue;
      if (!isJudgedPod[pod] || !isJudgedPod[links.to[i] ?? -1]) continue;
      if (starved.has(pod) && isDoubted(links.outcome[i] ?? 0)) continue;
      if (starved.has(links.to[i] ?? -1) && isDoubtedByDestination(links, i)) continue;
      failed.push({ from: pods[pod]?.name ?? '', to: pods[links.to[i] ?? -1]?.name ?? '', outcome });
    }
  }
  return failed;
}

/** Working links that are called failed. */
function falseAlarms(mesh: Mesh, { affects }: Truth): string[] {
  return failedLinks(mesh)
    .filter(({ from, to }) => !affects(from, to))
    .map(({ from, to, outcome }) => `the link ${from} → ${to} fails, ${outcome}`);
}

/** Kinds of findings about single links. */
const SINGLE_LINKS: readonly FindingKind[] = ['one-way', 'link', 'link-slow'];

const namesOf = ({ pods }: Mesh, indexes: readonly number[]) => indexes.map((pod) => pods[pod]?.name ?? '');

/** Findings about working links, those that claim one direction where both are affected, and those in no fixed order. */
function wrongLinkFindings(mesh: Mesh, { affects, culprits }: Truth): string[] {
  return mesh.findings.flatMap(({ kind, severity, subject, title, pods, from }) => {
    const to = namesOf(mesh, pods);
    const sources = namesOf(mesh, from);
    if (kind === 'one-way' && to.some((pod) => sources.some((source) => affects(pod, source)))) {
      return [`${title} (both directions are affected)`];
    }
    const [one = '', other = ''] = subject.split(' ⇄ ');
    if (other !== '' && other < one) return [`${subject} (not in the order of the names)`];
    // Both directions of a link are one finding: `pods` names both ends of it.
    const isPlanted = SINGLE_LINKS.includes(kind)
      ? sources.every((source) => to.every((pod) => pod === source || affects(source, pod)))
      : to.every((pod) => culprits.includes(pod));
    return isPlanted || (severity !== 'failed' && severity !== 'slow') ? [] : [title];
  });
}

/** Findings about missing reports, and reasons of health, that blame other pods than the culprits. */
function wrongCulprits(mesh: Mesh, { culprits }: Truth): string[] {
  const isWrong = (pods: readonly number[]) => namesOf(mesh, pods).some((pod) => !culprits.includes(pod));
  const blamed = mesh.health.reasons.filter(({ pod }) => isWrong([pod]));
  return [
    ...mesh.findings.filter(({ severity, pods }) => severity === 'unknown' && isWrong(pods)).map(({ title }) => title),
    ...blamed.map(({ pod, why }) => `/cluster_health: ${namesOf(mesh, [pod])[0]} ${why.join('; ')}`),
  ];
}

/** Health and findings of the same mesh that do not agree. */
function contradictions({ findings, health }: Mesh): string[] {
  const grave = findings.filter(({ severity }) => severity === 'failed' || severity === 'unknown');
  if (health.ok === (grave.length === 0)) return [];
  const why = [...health.reasons.flatMap((reason) => reason.why), ...health.general].join('; ');
  return [health.ok ? `healthy, but ${grave[0]?.title}` : `unhealthy without a finding: ${why}`];
}

/** The events of all pods since `fromMs` (ms since the epoch), as one pod merges them. */
export async function eventsSince(pod: NetworkPod, fromMs: number): Promise<Events['events']> {
  return parseEvents(await (await fetch(`${pod.url}/api/v1/events?from=${Math.floor(fromMs)}`)).json()).events;
}

/** The events about links that are not affected. */
export function falseEvents(events: Events['events'], { affects }: Truth): string[] {
  return events
    .filter(({ kind, pod, from }) => isLinkEvent(kind) && !from.every(({ name }) => affects(name, pod?.name ?? '')))
    .map(({ kind, pod, from }) => `event ${kind}: ${from.map(({ name }) => name).join(', ')} → ${pod?.name}`);
}

/** Those of `kinds` of which there is no event. */
export function missingKinds(events: Events['events'], kinds: readonly EventKind[]): EventKind[] {
  return kinds.filter((kind) => !events.some((event) => event.kind === kind));
}

/** The answer of `/cluster_health`: its status, and the host IPs of the unhealthy nodes. */
export async function clusterHealth(pod: NetworkPod): Promise<{ status: number; unhealthy: string[] }> {
  const answer = await fetch(`${pod.url}/cluster_health`);
  const { nodesUnhealthy } = (await answer.json()) as { nodesUnhealthy: string[] | null };
  return { status: answer.status, unhealthy: nodesUnhealthy ?? [] };
}
