import { type Finding, isAboutLoss, isAboutNode } from '../../server/protocol/finding.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { latencyText } from '../../server/runtime/measure-text.ts';
import type { Selection } from './address.ts';
import { findingAxis, isAboutLatency, isAboutSelfLink, LINK_FINDINGS } from './findings.ts';
import { capital, clockText, sentence } from './format.ts';
import type { Tone } from './links.ts';
import { shownName } from './names.ts';
import { nodeFilter } from './order.ts';

/** The state that gives a finding its colour. Lost datagrams are drawn as a warning, because the pings are good. */
export function findingTone({ kind, severity }: Pick<Finding, 'kind' | 'severity'>): Tone {
  return isAboutLoss(kind) ? 'warning' : severity;
}

/** The parts of a finding's title, for places without room for all of it. Safe to show. */
export interface FindingWords {
  subject: string;
  what: string;
  /** How it shows and what to check, for example `refused: nothing listens on its port`; '' = none. */
  where: string;
}

/** Splits the server's title, which has the form `subject: what, how: advice`. */
export function findingWords({ title, subject }: Pick<Finding, 'title' | 'subject'>): FindingWords {
  const start = title.startsWith(`${subject}: `) ? subject.length : title.indexOf(': ');
  if (start < 0) return { subject: titleText(title), what: '', where: '' };
  const rest = title.slice(start + 2);
  const comma = rest.indexOf(', ');
  return {
    subject: titleText(title.slice(0, start)),
    what: shownName(comma < 0 ? rest : rest.slice(0, comma)),
    where: comma < 0 ? '' : shownName(rest.slice(comma + 2)),
  };
}

/** The title of a finding, safe to show: `Node worker-1: ...`. Names of pods stay as they are. */
export function titleText(title: string): string {
  return shownName(title).replace(/^(nodes?|zones?) /, capital);
}

/** A finding in a list: what is wrong, then what to check; `isInNotice`: how it shows, because a notice names its symptom. */
export function listedWords(
  finding: Pick<Finding, 'title' | 'subject'>,
  isInNotice: boolean,
): { title: string; advice: string } {
  const { subject, what, where } = findingWords(finding);
  if (where === '') return { title: titleText(finding.title), advice: '' };
  if (!isInNotice) return { title: `${subject}: ${what}`, advice: sentence(where) };
  const colon = where.indexOf(': ');
  if (colon < 0) return { title: `${subject}: ${where}`, advice: '' };
  return { title: `${subject}: ${where.slice(0, colon)}`, advice: sentence(where.slice(colon + 2)) };
}

/** `median 252 ms, since 14:03:12`: the latency if that is late, and its start, as far as known. `nowMs`: the serving pod's time. */
export function findingFigure(finding: Finding, nowMs: number): string {
  const { severity, sinceMs, totalUs } = finding;
  if (severity !== 'slow' && severity !== 'failed') return '';
  const median = isAboutLatency(finding) ? `median ${latencyText(totalUs)}` : '';
  return [median, sinceMs > 0 ? `since ${clockText(sinceMs, nowMs)}` : ''].filter(Boolean).join(', ');
}

/** What a click on a finding opens: its link, its pod, or all pods of its node; null = nothing. */
export type FindingTarget = { filter: string } | Exclude<Selection, null> | null;

/** What a click on a finding opens. If `open` shows that already, another link or pod of the finding. */
export function targetOf(
  finding: Finding,
  all: readonly Pick<Pod, 'uid' | 'node'>[],
  open: Selection = null,
): FindingTarget {
  const { kind, pods, from } = finding;
  const uid = (index: number | undefined) => all[index ?? -1]?.uid;
  const [to, source] = [uid(pods[0]), uid(from[0])];
  if (to === undefined) return null;
  const pod = { pod: to };
  const link = source === undefined ? [] : [{ from: source, to }];
  const node = all[pods[0] ?? -1]?.node ?? '';
  if (isAboutNode(kind) && node !== '') return { filter: nodeFilter(node) };
  let wanted: Exclude<Selection, null>[] = [];
  if (isAboutSelfLink(finding)) wanted = [pod, ...link];
  else if (LINK_FINDINGS.has(kind)) wanted = [...link, pod];
  else if (pods.length === 1) wanted = findingAxis(finding, all) === 'row' ? [pod, ...link] : [pod];
  return wanted.find((one) => !isSame(open, one)) ?? null;
}

function isSame(a: Selection, b: Selection): boolean {
  if (a === null || b === null) return false;
  if ('pod' in a) return 'pod' in b && a.pod === b.pod;
  return 'from' in b && a.from === b.from && a.to === b.to;
}
