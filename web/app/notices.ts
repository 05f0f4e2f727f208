import type { Finding } from '../../server/protocol/finding.ts';
import { isStarved } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { DiscoveryFault } from '../../server/protocol/pod.ts';
import { countText, plural } from '../../server/runtime/count-text.ts';
import { durationText } from '../../server/runtime/measure-text.ts';
import { type ConnectionState, POLLING_TEXT } from '../data/connection.ts';
import { failingTargetsText } from '../model/external-targets.ts';
import { findingFigure, findingTone, findingWords, targetOf } from '../model/finding-words.ts';
import { findingsOfNotice, LINK_FINDINGS } from '../model/findings.ts';
import { capital } from '../model/format.ts';
import { stateAt } from '../model/links.ts';
import type { Picture } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';
import { PINGING_OFF } from '../model/phase-words.ts';

type ConnectionStatus = ConnectionState['status'];

type Shown = { filter: string } | { pod: string };

/** A notice above the view. `mark`: different for each. `shows`: what its button shows, if it has one. */
export interface Notice {
  kind: 'failed' | 'slow' | 'warning' | 'suspect';
  mark: 'cross' | 'bars' | 'drop' | 'cloud' | 'question' | 'wave' | 'dots';
  title: string;
  text: string;
  shows?: Shown | null;
}

export const MAX_NOTICES = 3;

/** The notices above every view, the most severe first. That of a lost connection counts seconds: see `NoticeList`. */
export function noticesOf(picture: Picture, status: ConnectionStatus, nowMs: number): Notice[] {
  const all = [
    failingNotice(picture),
    starvedNotice(picture),
    staleNotice(picture, nowMs),
    missingNotice(picture),
    status === 'polling' ? POLLING : null,
  ];
  return all.filter((notice) => notice !== null).slice(0, MAX_NOTICES);
}

const POLLING: Notice = {
  kind: 'warning',
  mark: 'dots',
  // A browser does not distinguish a 503 from a broken connection.
  title: `Stream blocked; ${POLLING_TEXT}.`,
  text: 'Too many live pages on this pod, or a proxy delays or cuts the stream.',
};

function staleNotice({ mesh, pods }: Picture, nowMs: number): Notice | null {
  const { discovery } = mesh;
  if (discovery.phase !== 'stale') return null;
  const known = pods.filter(({ pod }) => pod.lifecycle !== 'gone').length;
  const whys: Partial<Record<DiscoveryFault, string>> = {
    forbidden: `Not allowed to list pods in ${namespaceText(discovery.namespace)}`,
    unauthorized: 'The Kubernetes API rejects the token of this pod',
    'suspicious-empty': 'The Kubernetes API suddenly returns an empty list',
  };
  const why = (discovery.lastError && whys[discovery.lastError.fault]) ?? 'Kubernetes API unreachable';
  return {
    kind: 'warning',
    mark: 'cloud',
    title: `Pod list is ${durationText(nowMs - discovery.lastGoodMs)} old.`,
    text: `${why}; the ${plural(known, 'known pod')} ${known === 1 ? 'is' : 'are'} still pinged.`,
  };
}

/** The status sentence without notices. It keeps the place of the notices, so that a new one moves nothing. */
export function statusSentence(picture: Picture): string {
  return [linkSentence(picture), failingTargetsText(picture.targets)].filter(Boolean).join(' ');
}

function linkSentence(picture: Picture): string {
  const { counts, mesh, lossyLinks } = picture;
  const { failed, slow, warning } = counts;
  const [gravest] = mesh.findings;
  const text = gravestLinkText(picture);
  const named = text === '' ? '' : `: ${text}`;
  if (failed > 0) {
    const also = slow === 0 ? '' : `, ${countText(slow)} slow`;
    // No finding is about a failed link of a pod that terminates, so the gravest one may be about another link.
    return `${plural(failed, 'link')} failed${also}${gravest?.severity === 'failed' ? named : ''}. No pod is down.`;
  }
  const isIntermittent = gravest?.kind === 'link-intermittent';
  if (slow > 0) return `${isIntermittent ? 'No link fails now' : 'No failures'}, ${plural(slow, 'slow link')}${named}.`;
  if (counts.good + counts.fair + warning === 0) {
    return mesh.settings.refreshIntervalMs > 0 ? 'Waiting for the first results.' : PINGING_OFF;
  }
  if (mesh.health.ok && lossyLinks > 0) {
    const pings = isIntermittent ? 'No link fails now' : 'All pings work';
    return `${pings}, ${plural(lossyLinks, 'link')} ${lossyLinks === 1 ? 'loses' : 'lose'} datagrams${named}.`;
  }
  if (mesh.health.ok) return text === '' ? 'All links healthy.' : `No link fails now${named}.`;
  const why = mesh.health.general[0] ?? mesh.health.reasons[0]?.why[0] ?? '';
  return `No link failed, but cluster health is 418${why === '' ? '' : `: ${shownName(why)}`}.`;
}

/** The gravest finding as "a can't reach b, b reaches a"; '' = it is not about a link between two pods. */
function gravestLinkText({ mesh, pods, state, n }: Picture): string {
  const [gravest] = mesh.findings;
  if (gravest === undefined || !LINK_FINDINGS.has(gravest.kind)) return '';
  const [a, b] = [pods[gravest.from[0] ?? -1], pods[gravest.pods[0] ?? -1]];
  if (a === undefined || b === undefined || a === b) return '';
  const isMutual = stateAt(state[b.index * n + a.index]) === 'failed';
  const others = mesh.findings.filter(({ severity }) => severity === gravest.severity).length - 1;
  const more = others > 0 ? `, and ${plural(others, 'more finding')}` : '';
  switch (gravest.kind) {
    case 'one-way':
      return `${a.label} can't reach ${b.label}, ${b.label} reaches ${a.label}${more}`;
    case 'link':
      return `${a.label} ${isMutual ? 'and' : "can't reach"} ${b.label}${isMutual ? " can't reach each other" : ''}${more}`;
    case 'link-intermittent':
      return `${a.label} → ${b.label} fails at times${more}`;
    default:
      return `${a.label} → ${b.label}${more}`;
  }
}

export function namespaceText(namespace: string): string {
  return namespace === '' ? 'any namespace' : shownName(namespace);
}

/** The notice of the most severe finding about a whole pod, node, zone or path: see `findingsOfNotice`. */
function failingNotice({ mesh }: Picture): Notice | null {
  const whole = findingsOfNotice(mesh.findings);
  const [worst] = whole;
  if (worst === undefined) return null;
  const tone = findingTone(worst);
  const since = findingFigure(worst, mesh.atMs);
  const more = whole.length > 1 ? `+${countText(whole.length - 1)} similar.` : '';
  return {
    kind: tone === 'failed' || tone === 'slow' ? tone : 'warning',
    mark: tone === 'failed' ? 'cross' : tone === 'slow' ? 'bars' : 'drop',
    title: briefTitle(worst),
    text: [pathAdvice(worst), since === '' ? '' : `${capital(since)}.`, more].filter(Boolean).join(' '),
    shows: shownBy(worst, mesh),
  };
}

/** What to check if a path of the cluster fails: it has no panel that would say so. */
function pathAdvice(finding: Finding): string {
  const { where } = findingWords(finding);
  return finding.kind.startsWith('path-') && where !== '' ? `${capital(where)}.` : '';
}

/** Subject and symptom only: the findings of the side panel say how it shows and what to check. */
function briefTitle(finding: Finding): string {
  const { subject, what } = findingWords(finding);
  return `${subject}${what === '' ? '' : `: ${what}`}.`;
}

/** The pod or node of a finding; null for a link. */
function shownBy(finding: Finding, mesh: Mesh): Shown | null {
  const target = targetOf(finding, mesh.pods);
  return target === null || 'from' in target ? null : target;
}

function starvedNotice({ mesh, reportOf }: Picture): Notice | null {
  const starvation = mesh.reports[reportOf[mesh.servedBy.pod] ?? -1]?.starvation ?? null;
  if (starvation === null || !isStarved(starvation)) return null;
  return {
    kind: 'suspect',
    mark: 'wave',
    title: `${shownName(mesh.servedBy.name)} (serving this page) is CPU-starved.`,
    text: `Scheduling delay up to ${Math.round(starvation.loopDelayP99Us / 1000)} ms. Its own measurements are unreliable.`,
  };
}

function missingNotice({ mesh }: Picture): Notice | null {
  const missing = mesh.findings.filter(({ kind }) => kind === 'report-missing');
  const [first] = missing;
  if (first === undefined) return null;
  return {
    kind: 'warning',
    mark: 'question',
    title: briefTitle(first),
    text: missing.length > 1 ? `And ${countText(missing.length - 1)} more.` : '',
    shows: missing.length === 1 ? shownBy(first, mesh) : null,
  };
}

/**
 * Which screen is shown: the view (`picture`), or a message. `connecting`: no data yet. `unreachable`: no data, and the
 * connection is lost. The others follow from the pod list of the serving pod.
 */
export type Stage =
  | 'connecting'
  | 'unreachable'
  | 'waiting'
  | 'unauthorized'
  | 'forbidden'
  | 'empty'
  | 'alone'
  | 'picture';

/** Chooses the screen. Data with at least one pod are always shown. */
export function stageOf(picture: Picture | null, status: ConnectionStatus): Stage {
  if (picture === null) return status === 'lost' ? 'unreachable' : 'connecting';
  const { discovery, servedBy } = picture.mesh;
  if (picture.n === 0) {
    const fault = discovery.lastError?.fault;
    if (fault === 'forbidden' || fault === 'unauthorized') return fault;
    return discovery.phase === 'waiting' ? 'waiting' : 'empty';
  }
  return picture.n === 1 && servedBy.pod === 0 ? 'alone' : 'picture';
}
