import { type Finding, isAboutLoss, isAboutNode, isAboutZones } from '../../server/protocol/finding.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { podNamer } from '../../server/protocol/pod-names.ts';
import { MAX_FILTER } from './address.ts';
import { totalsOf } from './cells.ts';
import { findingAxis } from './findings.ts';
import { LINK_STATES, type LinkState } from './links.ts';
import type { Picture } from './mesh-view.ts';
import { matchesWord } from './order.ts';

export type FilterState = LinkState | 'unreliable' | 'lossy';

/** The parts of a filter text. All words of one list must match the same pod. */
interface LinkFilter {
  either: string[];
  from: string[];
  to: string[];
  /** The states to show; empty = all. */
  states: string[];
}

/** A word of which only the beginning is typed, such as `from:` or `to:node:`. */
const UNFINISHED = /^(from:|to:)?(state:|node:|zone:|pod:|is:)?$/;

/**
 * Parses a filter: words that the source or the destination of a link must match (see `matchesWord`), with `from:` only
 * the source, with `to:` only the destination; and `state:failed,slow`, the states to show. Unfinished words hide nothing.
 */
function parseFilter(text: string): LinkFilter {
  const filter: LinkFilter = { either: [], from: [], to: [], states: [] };
  const words = text.toLowerCase().split(/\s+/);
  for (const word of words.filter((each) => !UNFINISHED.test(each))) {
    const [, of, rest = ''] = /^(from|to|state):(.+)$/.exec(word) ?? [];
    if (of === 'state') filter.states.push(...rest.split(',').filter(Boolean));
    else if (of === 'from' || of === 'to') filter[of].push(rest);
    else filter.either.push(word);
  }
  return filter;
}

/** The state code of a link that a filter hides, in `shownLinks`. */
export const HIDDEN = LINK_STATES.length;

/** By pod: whether it matches all words. A group of pods matches by its own name, or if one of its pods does. */
function podsMatching({ pods, fold }: Picture, words: readonly string[]): Uint8Array {
  return Uint8Array.from(pods, (view, index) => {
    const members = fold?.groups[index]?.pods.flatMap((pod) => fold.pods.pods[pod] ?? []) ?? [];
    return [view, ...members].some((one) => words.every((word) => matchesWord(one, word))) ? 1 : 0;
  });
}

/** By pod: whether a filter names it, as source, destination or either end; null = the filter names no pods. */
export function podsOfFilter(picture: Picture, text: string): Uint8Array | null {
  const { either, from, to } = parseFilter(text);
  const named = [either, from, to].filter((words) => words.length > 0);
  if (named.length === 0) return null;
  const matching = named.map((words) => podsMatching(picture, words));
  return Uint8Array.from(picture.pods, (_, index) => (matching.some((pods) => pods[index] === 1) ? 1 : 0));
}

/** The picture with only the links that a filter matches: others have the state `HIDDEN` and count for nothing. O(n^2). */
export function shownLinks(picture: Picture, text: string): Picture {
  const filter = parseFilter(text);
  const { either, from, to, states } = filter;
  if (either.length + from.length + to.length + states.length === 0) return picture;
  const { n } = picture;
  const isEither = podsMatching(picture, either);
  const isFrom = podsMatching(picture, from);
  const isTo = podsMatching(picture, to);
  const isState = Uint8Array.from(LINK_STATES, (state) => (states.length === 0 || states.includes(state) ? 1 : 0));
  const [withUnreliable, withLossy] = [states.includes('unreliable'), states.includes('lossy')];
  const state = picture.state.slice();
  const unreliable = picture.unreliable.slice();
  const lossy = picture.lossy.slice();
  for (let source = 0; source < n; source++) {
    for (let target = 0; target < n; target++) {
      const pair = source * n + target;
      const isShown =
        isFrom[source] === 1 &&
        isTo[target] === 1 &&
        (isEither[source] === 1 || isEither[target] === 1) &&
        (isState[state[pair] ?? 0] === 1 ||
          (withUnreliable && unreliable[pair] === 1) ||
          (withLossy && lossy[pair] === 1));
      if (isShown) continue;
      state[pair] = HIDDEN;
      unreliable[pair] = 0;
      lossy[pair] = 0;
    }
  }
  return { ...picture, ...totalsOf({ n, state, unreliable, lossy }), state, unreliable, lossy };
}

/** By pod: whether one of its links is shown, in or out. O(n^2). */
export function podsWithLinks({ n, state }: Picture): Uint8Array {
  const found = new Uint8Array(n);
  for (let source = 0; source < n; source++) {
    for (let target = 0; target < n; target++) {
      if (state[source * n + target] === HIDDEN) continue;
      found[source] = 1;
      found[target] = 1;
    }
  }
  return found;
}

export function statesOf(text: string): string[] {
  return parseFilter(text).states;
}

/** The filter with a state added to those that it shows, or removed. */
export function withState(text: string, state: FilterState): string {
  const states = statesOf(text);
  const kept = states.includes(state) ? states.filter((other) => other !== state) : [...states, state];
  const words = text.split(/\s+/).filter((word) => word !== '' && !/^state:/i.test(word));
  return [...words, ...(kept.length > 0 ? [`state:${kept.join()}`] : [])].join(' ');
}

const STATES_OF: Record<Finding['severity'], FilterState> = {
  failed: 'failed',
  slow: 'slow',
  suspect: 'unreliable',
  unknown: 'unknown',
};

/** What a filter needs of a pod. A comparison does not know the zones. */
type FilterPod = Pick<Pod, 'name' | 'namespace' | 'node'> & Partial<Pick<Pod, 'zone'>>;

/** The filter that shows the links of a finding: by its pods, nodes or zones as source or destination, and by its state. */
export function findingFilter(finding: Finding, all: readonly FilterPod[]): string {
  const { kind, severity, pods, from } = finding;
  const state = `state:${STATES_OF[severity]}`;
  const nameOf = podNamer(all);
  const named = (indexes: readonly number[], of: 'name' | 'node' | 'zone') => {
    const found = indexes.flatMap((index) => all[index] ?? []);
    const names = new Set(found.map((pod) => (of === 'name' ? nameOf(pod) : (pod[of] ?? ''))));
    const [name = ''] = names;
    // Nothing in a filter names two pods at once, nor a name with a blank.
    if (names.size !== 1 || name === '' || /\s/.test(name)) return '';
    return of === 'name' ? `pod:${name}` : `${of}:${name}`;
  };
  const end = (word: 'from:' | 'to:', name: string) => (name === '' ? '' : word + name);
  const axis = findingAxis(finding, all);
  let words: string[];
  if (isAboutNode(kind)) words = [named(pods, 'node')];
  else if (isAboutZones(kind)) words = [end('from:', named(from, 'zone')), end('to:', named(pods, 'zone'))];
  else if (axis === null) words = [end('from:', named(from, 'name')), end('to:', named(pods, 'name'))];
  else words = [end(axis === 'row' ? 'to:' : 'from:', named(pods, 'name') || named(pods, 'node'))];
  // These are about a pod, not about the state of its links.
  const isAboutPod =
    kind === 'list-differs' || kind === 'pod-overdue' || kind.includes('intermittent') || isAboutLoss(kind);
  const text = [...words, isAboutPod ? '' : state].filter(Boolean).join(' ');
  return text.length > MAX_FILTER ? state : text;
}

/** The links between some pods (indexes) that a filter shows, `from * n + to`. `shown`: see `shownLinks`. */
export function shownPairs({ n, state }: Picture, pods: Int32Array): Uint32Array {
  const pairs = new Uint32Array(pods.length ** 2);
  let count = 0;
  for (const from of pods) {
    for (const to of pods) {
      const pair = from * n + to;
      if (state[pair] !== HIDDEN) pairs[count++] = pair;
    }
  }
  return pairs.subarray(0, count);
}
