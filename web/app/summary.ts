import { countText, plural } from '../../server/runtime/count-text.ts';
import { type LinkKind, unprobedLinks } from '../model/link-choice.ts';
import type { Tone } from '../model/links.ts';
import type { Picture, PodHealth, PodView } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';
import { isInState } from '../model/order.ts';

export interface Fact {
  /** Unique among the entries, and the same in each picture. */
  id: string;
  of: 'pod' | 'link';
  state: PodHealth | 'slow-to-reach' | 'starved' | Tone;
  count: number;
  text: string;
  /** What a click shows: pods that match a filter, or links of a kind; null = nothing. */
  shows: { filter: string } | { only: LinkKind } | null;
}

export interface Facts {
  /** Always there, and always in the same place: healthy and failing pods; good, slow and failed links. */
  pods: Fact[];
  links: Fact[];
  /** Only if they occur. They come last, so that they move nothing. */
  more: Fact[];
}

const PASSING = ['starting', 'not-ready', 'terminating', 'gone'] as const;
const MAIN_LINKS = ['good', 'slow', 'failed'] as const;

/**
 * Number of steps by which the summary is shortened until it fits. Failing pods, slow and failed links are never left out.
 * 0: everything. 1: pods without report are counted, external targets only if one fails. 2: lifecycle states are one entry.
 * 3: no worst link. 4: no titles, only a count of lifecycle states, no links but good, slow and failed. 5: no zero counts. 6:
 * good links only if nothing is bad. 7: no lifecycle states and no pods without report, because notices and findings show them.
 */
export const SUMMARY_STEPS = 7;

/** Counts pods and links by state. Good includes fair. `brief`: for a phone. `step`: see `SUMMARY_STEPS`. */
export function summaryFacts({ pods: all, counts, unreliableLinks }: Picture, brief = false, step = 0): Facts {
  const count = (is: string) => all.filter((view) => isInState(view, is)).length;
  const here = all.length - count('gone');
  const total = brief || step >= 4 || here > 30 ? '' : ` of ${countText(here)}`;
  const podFact = (is: string, word: string, state = is as Fact['state']): Fact => {
    const number = count(is);
    const text = `${countText(number)}${word}`;
    return { id: `pod ${is}`, of: 'pod', state, count: number, text, shows: { filter: `is:${is}` } };
  };
  const linkFact = (state: Tone, number: number, word: string, only: LinkKind | null): Fact => ({
    id: `link ${state}`,
    of: 'link',
    state,
    count: number,
    text: `${countText(number)} ${word}`,
    shows: only === null ? null : { only },
  });
  const pods = [podFact('healthy', `${total} healthy`), podFact('failing', ' failing')];
  const links = MAIN_LINKS.map((state) =>
    linkFact(state, counts[state] + (state === 'good' ? counts.fair : 0), state, state),
  );
  const passing = PASSING.filter((state) => count(state) > 0).map((state) => [state, state.replace('-', ' ')] as const);
  const folded = podFact('passing', ' not ready or gone', passing[0]?.[0]);
  if (step < 4) folded.text = passing.map(([state, word]) => `${countText(count(state))} ${word}`).join(', ');
  const lifecycle =
    step >= 2 && passing.length > 1 ? [folded] : passing.map(([state, word]) => podFact(state, ` ${word}`));
  const unprobed = unprobedLinks(counts);
  const moreLinks = [
    linkFact('warning', counts.warning, 'warning', 'warning'),
    linkFact('unknown', counts.unknown, 'unknown links', 'unknown'),
    linkFact('not-probed', unprobed.count, unprobed.words, 'not-probed'),
    linkFact('suspect', unreliableLinks, 'unreliable', null),
  ];
  const more = [
    ...(brief ? [] : [podFact('slow', ' slow to reach', 'slow-to-reach')]),
    podFact('unknown', ' unknown'),
    podFact('cordoned', ' cordoned', 'not-probed'),
    podFact('passive', ' passive', 'not-probed'),
    podFact('starved', ' CPU-starved'),
    ...(step < 7 ? lifecycle : []),
    ...(step < 4 ? moreLinks : []),
  ].filter((fact) => fact.count > 0);
  const isShown = (fact: Fact) => step < 5 || fact.count > 0 || fact.state === 'healthy';
  const isBad = links.some(({ state, count }) => state !== 'good' && count > 0);
  return {
    pods: pods.filter(isShown),
    links: links.filter((fact) => isShown(fact) && (step < 6 || !isBad || fact.state !== 'good')),
    more,
  };
}

export function notReporting({ pods }: Picture): PodView[] {
  return pods.filter((view) => isInState(view, 'silent'));
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
