import { countText, plural } from '../model/format.ts';
import type { LinkState, Tone } from '../model/links.ts';
import type { Picture, PodHealth, PodView } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';

/** Number of pods in a state, as an entry of the summary. */
export interface PodCount {
  state: PodHealth | 'slow-to-reach' | 'starved';
  count: number;
  text: string;
}

/** Number of links in a state, or of all unreliable links, as an entry of the summary. */
export interface LinkCount {
  state: Tone;
  count: number;
  text: string;
}

const POD_ORDER: [PodHealth, string][] = [
  ['failing', 'failing'],
  ['unknown', 'unknown'],
  ['starting', 'starting'],
  ['not-ready', 'not ready'],
  ['terminating', 'terminating'],
  ['gone', 'gone'],
];

/** Lifecycle states, which are left out first in a narrow summary. */
const PASSING: PodHealth[] = ['starting', 'not-ready', 'terminating', 'gone'];

/**
 * Number of steps by which the summary is shortened until it fits. Failing and slow are never left out.
 * 0: everything. 1: pods without report are counted, external targets only if one fails. 2: lifecycle states are one entry.
 * 3: no worst link, no zero counts. 4: no titles. 5: only failed, slow and good links. 6: good links only if nothing is bad.
 * 7: no lifecycle states and no pods without report, because notices and findings show them.
 */
export const SUMMARY_STEPS = 7;

/** Pods by state: healthy ones first, then every other state that occurs. `brief`: for a phone. `step`: see `SUMMARY_STEPS`. */
export function podCounts(pods: readonly PodView[], brief = false, step = 0): PodCount[] {
  const tally = new Map<PodHealth, number>();
  for (const { health } of pods) tally.set(health, (tally.get(health) ?? 0) + 1);
  const here = pods.length - (tally.get('gone') ?? 0);
  const healthy = tally.get('healthy') ?? 0;
  const of = brief || step > 0 || here > 30 ? '' : ` of ${countText(here)}`;
  const counts: PodCount[] = [{ state: 'healthy', count: healthy, text: `${countText(healthy)}${of} healthy` }];
  const slow = pods.filter((pod) => pod.slowToReach).length;
  const starved = pods.filter((pod) => pod.starved).length;
  const folded = step >= 2 ? PASSING.filter((state) => tally.has(state)) : [];
  for (const [state, word] of POD_ORDER) {
    const count = tally.get(state) ?? 0;
    const isLeftOut = folded.includes(state) && (folded.length > 1 || step >= 7);
    if (count > 0 && !isLeftOut) {
      counts.push({ state, count, text: `${countText(count)} ${word}` });
    }
    if (state === 'failing' && slow > 0 && !brief) {
      counts.push({ state: 'slow-to-reach', count: slow, text: `${countText(slow)} slow to reach` });
    }
    if (state === 'unknown' && starved > 0) {
      counts.push({ state: 'starved', count: starved, text: `${countText(starved)} CPU-starved` });
    }
  }
  const [first] = folded;
  if (first !== undefined && folded.length > 1 && step < 7) {
    const passing = POD_ORDER.filter(([state]) => folded.includes(state));
    const count = passing.reduce((sum, [state]) => sum + (tally.get(state) ?? 0), 0);
    const text = passing.map(([state, word]) => `${countText(tally.get(state) ?? 0)} ${word}`).join(', ');
    counts.push({ state: first, count, text });
  }
  return counts;
}

const LINK_ORDER: [LinkState, string][] = [
  ['good', 'good'],
  ['warning', 'warning'],
  ['slow', 'slow'],
  ['failed', 'failed'],
  ['unknown', 'unknown'],
  ['not-probed', 'not probed'],
  ['not-yet', 'pending'],
];

/** Link states that are always shown. */
const ALWAYS: LinkState[] = ['good', 'slow', 'failed'];

/** Link states that are shown with more than 30 pods, the worst first. */
const DENSE: LinkState[] = ['failed', 'slow', 'warning', 'good', 'not-probed'];

/**
 * Links by state. Good includes fair. Good, slow and failed are shown even at 0, other states only if they occur. With
 * more than 30 pods the worst come first and some states are left out. `step`: see `SUMMARY_STEPS`.
 */
export function linkCounts({ counts, n, unreliableLinks }: Picture, step = 0): LinkCount[] {
  const entries: LinkCount[] = LINK_ORDER.flatMap(([state, word]) => {
    const count = counts[state] + (state === 'good' ? counts.fair : 0);
    if (count === 0 && (step >= 3 || !ALWAYS.includes(state))) return [];
    return [{ state, count, text: `${countText(count)} ${word}` }];
  });
  if (unreliableLinks > 0 && n <= 30)
    entries.push({ state: 'suspect', count: unreliableLinks, text: `${countText(unreliableLinks)} unreliable` });
  const ordered = n <= 30 ? entries : DENSE.flatMap((state) => entries.filter((entry) => entry.state === state));
  if (step < 5) return ordered;
  const few = ordered.filter(({ state }) => state !== 'suspect' && ALWAYS.includes(state));
  return step < 6 || few.length < 2 ? few : few.filter(({ state }) => state !== 'good');
}

/** The running pods without a report. Starting pods are not expected to report. */
export function notReporting({ mesh, pods, reportOf }: Picture): PodView[] {
  return pods.filter(({ index, pod }) => {
    if (pod.lifecycle === 'gone' || pod.lifecycle === 'starting') return false;
    const report = mesh.reports[reportOf[index] ?? -1];
    return report === undefined || report.missing !== '';
  });
}

/** A short text for some pods: one or two names, their node, or their number. */
export function namesOf(few: readonly PodView[], all: readonly PodView[]): string {
  if (few.length <= 2) return few.map((pod) => pod.label).join(' and ');
  const count = plural(few.length, 'pod');
  const node = few[0]?.pod.node ?? '';
  if (node === '' || few.some((pod) => pod.pod.node !== node)) return count;
  const onNode = all.filter(({ pod }) => pod.node === node && pod.lifecycle !== 'gone').length;
  return `${count}, ${onNode === few.length ? 'all of' : 'on'} ${shownName(node)}`;
}
