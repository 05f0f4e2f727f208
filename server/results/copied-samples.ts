import {
  type CopiedCycle,
  type CopyPiece,
  MAX_ANSWER_CYCLES,
  MAX_ANSWER_SAMPLES,
  type PackedSample,
  writeCycles,
  writeSamples,
} from '../protocol/copy.ts';
import { MAX_SAMPLES } from '../protocol/sample.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { History } from './history.ts';
import type { Link } from './links.ts';

/** If the samples that are still kept may be too many for one answer, only those of this time are given. */
const LAST_MS = 60_000;

/**
 * The samples and the cycles of the UDP probe of all links after `sinceMs`, up to `nowMs` (monotonic), as far as they are still kept.
 * The piece begins later than `sinceMs` if earlier samples are not kept, or are too many; the cycles may begin later still.
 */
export async function pieceSince(
  links: readonly Link[],
  history: History,
  sinceMs: number,
  nowMs: number,
  timeSlice: TimeSlice,
): Promise<CopyPiece> {
  const hasMany = links.length * MAX_SAMPLES > MAX_ANSWER_SAMPLES;
  let fromMs = Math.max(sinceMs, hasMany ? nowMs - LAST_MS : Number.NEGATIVE_INFINITY);
  for (const { record, retiredAtMs } of links) {
    if (retiredAtMs < 0) fromMs = Math.max(fromMs, history.samplesSinceMs(record));
  }
  const samples: PackedSample[] = [];
  const cycles: CopiedCycle[] = [];
  for (const { record, number: link } of links) {
    history.visitSamples(record, fromMs, nowMs, (code, atMs, connect16, firstByte16, total16) => {
      if (atMs > fromMs) samples.push({ link, atMs, code, connect16, firstByte16, total16 });
      return samples.length < MAX_ANSWER_SAMPLES;
    });
    for (const cycle of record.udp?.after(fromMs) ?? []) {
      if (cycles.length < MAX_ANSWER_CYCLES) cycles.push({ ...cycle, link });
    }
    if (timeSlice.isOver()) await timeSlice.next();
  }
  samples.sort((a, b) => a.atMs - b.atMs);
  cycles.sort((a, b) => a.atMs - b.atMs);
  return { fromMs, toMs: nowMs, samples: writeSamples(samples, fromMs), cycles: writeCycles(cycles, fromMs) };
}
