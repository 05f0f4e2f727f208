import { type Copied, type CopiedTarget, type CopyPiece, readRecord } from '../protocol/copy.ts';
import type { Target } from '../protocol/pod.ts';
import type { UdpResult } from '../protocol/sample.ts';
import { CYCLE_RECORD, SAMPLE_RECORD, type StoredSample, sampleOfStored } from '../protocol/stored-results.ts';
import type { Clock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import type { ResultsSettings } from './history.ts';
import { Results } from './results.ts';

/** The copied results of another process. */
export interface CopiedResults {
  /** When the process started. Times are by its clock. */
  startedMs: number;
  /** Everything since `sinceMs` is in the pieces. */
  sinceMs: number;
  targets: readonly CopiedTarget[];
  pieces: readonly CopyPiece[];
  /** The monotonic time of this process minus that of the other one, ms. */
  offsetMs: number;
}

/** The clock is asked whether a time slice is over after this many results. */
const RESULTS_PER_LOOK = 64;

/**
 * Gives all copied samples and cycles of the UDP probe of another process to new results, at the times at which that process took
 * them. With the same settings they answer as the results of that process did. UDP_ENABLED may differ between pods: the UDP probe
 * counts as on if the copy has cycles.
 */
export async function playedBack(copied: CopiedResults, settings: ResultsSettings, clock: Clock): Promise<Results> {
  // The start of the copy while the results are made, then the time of the result that is played; null when all has been played.
  let playedMs: number | null = copied.sinceMs;
  const clockOfCopy: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => playedMs ?? clock.monotonicMs() - copied.offsetMs,
    setTimer: (fn, delayMs) => clock.setTimer(fn, delayMs),
  };
  const udpEnabled = copied.pieces.some(({ cycles }) => cycles.length > 0);
  const hooks = { onLinkChange: () => {}, onSpeedChange: () => {}, onLossChange: () => {} };
  const results = new Results({ ...settings, udpEnabled }, clockOfCopy, hooks, copied.startedMs);
  const targets = new Map(copied.targets.map((target) => [target.number, targetOf(target)]));
  results.setTargets([...targets.values()]);
  const timeSlice = new TimeSlice(clock);
  playedMs = Number.NEGATIVE_INFINITY;
  let played = 0;
  for (const piece of copied.pieces) {
    for (const { link, result } of inOrder(piece)) {
      const target = targets.get(link);
      playedMs = Math.max(playedMs, result.atMs);
      if (target !== undefined) {
        if ('sent' in result) results.recordUdp(target, result);
        else results.record(target, sampleOfStored(result));
      }
      if (played++ % RESULTS_PER_LOOK === 0 && timeSlice.isOver()) await timeSlice.next();
    }
  }
  playedMs = null;
  return results;
}

/** The samples and the cycles of a piece in order of time: the pings beside a cycle decide whether it counts. */
function* inOrder(piece: CopyPiece): Generator<Copied<StoredSample | UdpResult>> {
  const cycles = piece.cycles.length / CYCLE_RECORD.bytes;
  let next = 0;
  // One by one, because a piece may have thousands.
  const nextCycle = () => (next < cycles ? readRecord(CYCLE_RECORD, piece.cycles, next++, piece) : null);
  let cycle = nextCycle();
  for (let i = 0; i < piece.samples.length / SAMPLE_RECORD.bytes; i++) {
    const sample = readRecord(SAMPLE_RECORD, piece.samples, i, piece);
    for (; cycle !== null && cycle.result.atMs < sample.result.atMs; cycle = nextCycle()) yield cycle;
    yield sample;
  }
  for (; cycle !== null; cycle = nextCycle()) yield cycle;
}

function targetOf({ uid, name, namespace, podIP, family }: CopiedTarget): Target {
  return { id: `${uid}/${family}`, uid, name, namespace, podIP, family, node: '', hostIP: '', address: podIP, port: 0 };
}
