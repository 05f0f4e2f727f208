import { group } from 'd3';
import type { PodNamer } from '../../server/protocol/pod-names.ts';
import type { Round } from '../../server/protocol/rounds.ts';
import { plural } from '../../server/runtime/count-text.ts';
import { durationText } from '../../server/runtime/measure-text.ts';
import { shownName } from './names.ts';

/** The rounds of one experiment: pods of one name, oldest first. */
export interface RoundSeries {
  name: string;
  bars: RoundBar[];
  /** "12 rounds, 1 failed, ready after 2.0 s to 5.0 s". */
  words: string;
}

export interface RoundBar {
  uid: string;
  atMs: number;
  state: Round['state'];
  /** Height, 0..1: the time until the pod was ready, as a share of the longest one. Failed and starting rounds have the full height. */
  share: number;
  /** "ready after 2.0 s", "failed: ImagePullBackOff". Safe to show. */
  words: string;
}

/** The most rounds that are shown of one experiment, the newest. */
const MAX_BARS = 40;

/** The experiments with more than one round or a failed one: a single pod is no experiment. `nameOf` names their pods. */
export function roundSeries(rounds: readonly Round[], nameOf: PodNamer): RoundSeries[] {
  const byName = group(rounds, ({ namespace, name }) => `${namespace}/${name}`);
  return [...byName.values()].filter(isExperiment).map((all) => {
    const readyMs = all.flatMap(({ state, readyAfterMs }) => (state === 'ready' ? (readyAfterMs ?? 0) : []));
    const longestMs = Math.max(1, ...readyMs);
    const failed = all.filter(({ state }) => state === 'failed').length;
    const [least, most] = [Math.min(...readyMs), Math.max(...readyMs)];
    const span = least === most ? durationText(most) : `${durationText(least)} to ${durationText(most)}`;
    const words = [
      plural(all.length, 'round'),
      failed === 0 ? '' : `${failed} failed`,
      readyMs.length === 0 ? '' : `ready after ${span}`,
    ];
    return {
      name: shownName(nameOf(all[0])),
      bars: all.slice(-MAX_BARS).map((round) => barOf(round, longestMs)),
      words: words.filter(Boolean).join(', '),
    };
  });
}

function isExperiment(rounds: readonly Round[]): boolean {
  return rounds.length > 1 || rounds.some(({ state }) => state === 'failed');
}

function barOf(round: Round, longestMs: number): RoundBar {
  const { uid, createdMs, state, readyAfterMs, claimedBy } = round;
  const share = state === 'ready' ? (readyAfterMs ?? 0) / longestMs : 1;
  // A pod may be wrong, or lie.
  const claim = claimedBy === '' ? '' : `, only ${shownName(claimedBy)} says`;
  return { uid, atMs: createdMs, state, share, words: `${roundWords(round)}${claim}` };
}

/** What became of a round: "ready after 2.0 s", "failed: ImagePullBackOff", "starting: ErrImagePull". Safe to show. */
export function roundWords({ state, readyAfterMs, why }: Round): string {
  if (state === 'ready') return `ready after ${durationText(readyAfterMs ?? 0)}`;
  return why === '' ? state : `${state}: ${shownName(why)}`;
}
