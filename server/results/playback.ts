import { type CopiedTarget, type CopyPiece, readSample, SAMPLE_BYTES } from '../protocol/copy.ts';
import type { Target } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import { Results, type ResultsSettings } from './results.ts';
import { sampleOfCode } from './samples.ts';

/** What of another process is to be played back: see `playedBack`. */
export interface CopiedResults {
  /** Everything since `sinceMs` is in the pieces. Times are by the clock of the process. */
  sinceMs: number;
  targets: readonly CopiedTarget[];
  pieces: readonly CopyPiece[];
  /** Added to a time of the process, gives the monotonic time of ours. */
  offsetMs: number;
}

/**
 * Results that have been given all copied samples of another process, at the times at which that process took them. With the
 * same settings they answer as the results of that process did.
 */
export async function playedBack(copied: CopiedResults, settings: ResultsSettings, clock: Clock): Promise<Results> {
  let playedMs: number | null = copied.sinceMs;
  const clockOfCopy: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => playedMs ?? clock.monotonicMs() - copied.offsetMs,
    setTimer: (fn, delayMs) => clock.setTimer(fn, delayMs),
  };
  const results = new Results(settings, clockOfCopy, { onLinkChange: () => {}, onSpeedChange: () => {} });
  const targets = new Map(copied.targets.map((target) => [target.number, targetOf(target)]));
  results.setTargets([...targets.values()]);
  const timeSlice = new TimeSlice(clock);
  playedMs = Number.NEGATIVE_INFINITY;
  for (const piece of copied.pieces) {
    for (let i = 0; i < piece.samples.length / SAMPLE_BYTES; i++) {
      const sample = readSample(piece, i);
      const target = targets.get(sample.link);
      playedMs = Math.max(playedMs, sample.atMs);
      if (target !== undefined) results.record(target, sampleOfCode(sample));
      if (i % 64 === 0 && timeSlice.isOver()) await timeSlice.next();
    }
  }
  playedMs = null;
  return results;
}

function targetOf({ uid, name, namespace, podIP, family }: CopiedTarget): Target {
  return { id: `${uid}/${family}`, uid, name, namespace, podIP, family, node: '', hostIP: '', address: podIP, port: 0 };
}
