import type { Outcome, Sample } from '../contract/outcome.ts';
import type { Target } from '../contract/pod.ts';
import type { Track } from './history.ts';
import { judge, NO_VERDICT, type Verdict } from './judge.ts';
import type { Ring } from './rings.ts';

/** What is kept of one link. Times are monotonic. */
export interface Link {
  target: Target;
  ring: Ring;
  track: Track;
  verdict: Verdict;
  /** When the newest sample came in; -1 before the first. */
  newestAtMs: number;
  /** Since when the link is ok, or failing in whatever way; -1 before the first verdict. */
  sinceMs: number;
  /** Since when its probes are slow; -1 while they are not. */
  slowSinceMs: number;
  /** Since when it is no longer probed; -1 while it is. */
  retiredAtMs: number;
}

/** A link's state has changed: from ok to failed, back, or from one way of failing to another. */
export interface LinkChange {
  target: Target;
  from: Outcome | 'unknown';
  to: Outcome;
  /** The sample that decided. */
  sample: Sample;
  /** How long the link had been ok, or failing in whatever way; 0 from 'unknown'. */
  previousForMs: number;
}

/** A link of which nothing is known yet. */
export function newLink(target: Target, ring: Ring, track: Track): Link {
  const times = { newestAtMs: -1, sinceMs: -1, slowSinceMs: -1, retiredAtMs: -1 };
  return { target, ring, track, verdict: NO_VERDICT, ...times };
}

/** A link at the limit is slow still above this share of it, as in the journal. */
const NORMAL_SHARE = 0.8;

/**
 * Takes one more sample into a link, at `nowMs`; gives the change if its state is another now, else null. From `slowUs` on
 * a probe is slow (SLOW_LINK).
 */
export function takeSample(link: Link, sample: Sample, nowMs: number, slowUs: number): LinkChange | null {
  const before = link.verdict.judged;
  link.verdict = judge(link.verdict, sample);
  link.newestAtMs = nowMs;
  const after = link.verdict.judged;
  if (after === sample) takeSpeed(link, sample, nowMs, slowUs);
  if (after === null || after.outcome === before?.outcome) return null;
  const previousForMs = before === null ? 0 : nowMs - link.sinceMs;
  if (before === null || (before.outcome === 'ok') !== (after.outcome === 'ok')) link.sinceMs = nowMs;
  return { target: link.target, from: before?.outcome ?? 'unknown', to: after.outcome, sample: after, previousForMs };
}

function takeSpeed(link: Link, { outcome, totalUs }: Sample, nowMs: number, slowUs: number): void {
  if (outcome !== 'ok' || totalUs < slowUs * NORMAL_SHARE) link.slowSinceMs = -1;
  else if (totalUs >= slowUs && link.slowSinceMs < 0) link.slowSinceMs = nowMs;
}
