import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import type { Sample } from '../protocol/sample.ts';
import { BucketLog, bucketWidthMs, type Chunk, FAILURE_KINDS, failuresOf, LADDER_MS } from './buckets.ts';
import { CODE_OUTCOME, CODE_SUSPECT, codeOf, type Ring, type Rings } from './samples.ts';
import { Tally } from './statistics.ts';

/** How much of the past to keep. */
export interface HistorySettings {
  /** For the buckets of all links together. */
  maxBytes: number;
  /** How far back they are to reach. */
  windowMs: number;
  /** How often a link gets a sample; 0 = never. */
  intervalMs: number;
}

/** The past of one link: a handle, of which nothing is for others to read. */
export interface Track {
  /** Its newest bucket, which may still take samples; -1 = none. */
  last: number;
  /** How many of its newest samples are not in that bucket's percentiles yet. */
  pending: number;
}

/** The past of a link that has none yet. */
export function newTrack(): Track {
  return { last: -1, pending: 0 };
}

/** Called with a bucket: place `i` in `chunk`, which is of `startMs` to `endMs`. */
type BucketVisit = (chunk: Chunk, i: number, startMs: number, endMs: number) => void;

/** Buckets end before a one-byte count would. */
const MOST_COUNTED = 255;
const MOST_SAMPLES = 65_535;

/**
 * The past of all links in buckets, within `maxBytes` whatever their number: the more links, the longer the buckets that
 * are begun from then on; older ones stay as fine as they were. Each link's bucket is ended by its own first sample
 * beyond it, so that no turn ends many. All times are monotonic.
 */
export class History {
  readonly #settings: HistorySettings;
  readonly #log: BucketLog;
  readonly #rings: Rings;
  readonly #tally = new Tally();
  #widthMs: number = LADDER_MS[0];

  /** `rings` have the recent samples, of which a bucket's percentiles are made. */
  constructor(settings: HistorySettings, rings: Rings) {
    this.#settings = settings;
    this.#log = new BucketLog(settings.maxBytes);
    this.#rings = rings;
    this.setLinks(1);
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#log.bytes;
  }

  /** How long the buckets are that begin now, ms. */
  get widthMs(): number {
    return this.#widthMs;
  }

  /** Up to when it had to forget; -Infinity while it has all. */
  get forgottenMs(): number {
    return this.#log.forgottenMs;
  }

  /** The longest buckets since `fromMs`, ms; 0 of none. */
  widestMs(fromMs: number): number {
    return this.#log.widestMs(fromMs);
  }

  /** Says how many links are probed from now on. */
  setLinks(links: number): void {
    const { windowMs, intervalMs } = this.#settings;
    this.#widthMs = bucketWidthMs({ links: Math.max(1, links), buckets: this.#log.capacity, windowMs, intervalMs });
  }

  /** Takes in a link's newest sample at `nowMs`. To be done before its ring takes it. */
  add(track: Track, ring: Ring, nowMs: number, sample: Sample): void {
    // The ring is about to overwrite what the percentiles have not seen yet.
    if (track.pending >= this.#rings.length) this.settle(track, ring);
    let chunk = this.#log.chunkOf(track.last);
    let i = this.#log.indexOf(track.last);
    if (chunk === null || nowMs >= startOf(chunk, i) + chunk.widthMs || isFull(chunk, i)) {
      this.settle(track, ring);
      this.#log.expire(nowMs - this.#settings.windowMs);
      track.last = this.#log.open(track.last, this.#widthMs, nowMs);
      chunk = this.#log.chunkOf(track.last);
      i = this.#log.indexOf(track.last);
    }
    if (chunk !== null) count(chunk, i, track, sample, nowMs);
  }

  /** Brings the percentiles of a link's newest bucket up to date. To be done before buckets are visited. */
  settle(track: Track, ring: Ring): void {
    const chunk = this.#log.chunkOf(track.last);
    const pending = track.pending;
    track.pending = 0;
    if (chunk === null || pending === 0) return;
    const i = this.#log.indexOf(track.last);
    this.#tally.clear();
    const isTrusted = (chunk.samples[i] ?? 0) > (chunk.suspect[i] ?? 0);
    this.#rings.newest(ring, pending, (code, _at, connect16, firstByte16, total16) => {
      const isSuspect = (code & CODE_SUSPECT) !== 0;
      if (isSuspect !== isTrusted) this.#tally.sample(code, connect16, firstByte16, total16);
    });
    merge(chunk, i, this.#tally);
  }

  /** Calls `visit` for the buckets of a link that end after `fromMs`, newest first. */
  visit(track: Track, fromMs: number, visit: BucketVisit): void {
    let number = track.last;
    for (let chunk = this.#log.chunkOf(number); chunk !== null; chunk = this.#log.chunkOf(number)) {
      const i = this.#log.indexOf(number);
      const startMs = startOf(chunk, i);
      if (startMs + chunk.widthMs <= fromMs) return;
      visit(chunk, i, startMs, startMs + chunk.widthMs);
      const back = chunk.back[i] ?? 0;
      if (back === 0) return;
      number -= back;
    }
  }

  /** When the newest sample of a link was taken; -Infinity if none is known any more. */
  newestMs(track: Track): number {
    const chunk = this.#log.chunkOf(track.last);
    return chunk === null ? Number.NEGATIVE_INFINITY : newestOf(chunk, this.#log.indexOf(track.last));
  }
}

/** When bucket `i` of a chunk begins. */
function startOf(chunk: Chunk, i: number): number {
  return chunk.baseMs + (chunk.start[i] ?? 0) * chunk.widthMs;
}

/** When the newest sample of bucket `i` was taken. */
export function newestOf(chunk: Chunk, i: number): number {
  return startOf(chunk, i) + Math.min(chunk.widthMs, unpack16(chunk.newestMs[i] ?? 0));
}

function isFull(chunk: Chunk, i: number): boolean {
  if ((chunk.samples[i] ?? 0) >= MOST_SAMPLES || (chunk.suspect[i] ?? 0) >= MOST_COUNTED) return true;
  for (let kind = 0; kind < FAILURE_KINDS; kind++) {
    if ((chunk.failures[i * FAILURE_KINDS + kind] ?? 0) >= MOST_COUNTED) return true;
  }
  return false;
}

/** Counts one more sample in bucket `i`. */
function count(chunk: Chunk, i: number, track: Track, sample: Sample, nowMs: number): void {
  const code = codeOf(sample);
  const samples = chunk.samples[i] ?? 0;
  const suspect = chunk.suspect[i] ?? 0;
  const onlySuspect = samples === suspect;
  // Samples that cannot be trusted did as long as there were no others.
  if (!sample.suspect && onlySuspect && samples > 0) forget(chunk, i, track);
  chunk.samples[i] = samples + 1;
  chunk.suspect[i] = suspect + (sample.suspect ? 1 : 0);
  chunk.newestMs[i] = pack16(nowMs - startOf(chunk, i));
  track.pending += 1;
  if (sample.suspect && !onlySuspect) {
    chunk.code[i] = (chunk.code[i] ?? 0) | CODE_SUSPECT;
    return;
  }
  chunk.code[i] = code;
  const total16 = pack16(sample.totalUs);
  chunk.lastTotalUs[i] = total16;
  const outcome = code & CODE_OUTCOME;
  if (outcome !== 0) {
    const at = i * FAILURE_KINDS + outcome - 1;
    chunk.failures[at] = (chunk.failures[at] ?? 0) + 1;
    return;
  }
  chunk.minUs[i] = Math.min(chunk.minUs[i] ?? NONE16, total16);
  const max16 = chunk.maxUs[i] ?? NONE16;
  chunk.maxUs[i] = max16 === NONE16 ? total16 : Math.max(max16, total16);
}

/** Forgets all figures of bucket `i` but how many samples it has. */
function forget(chunk: Chunk, i: number, track: Track): void {
  chunk.failures.fill(0, i * FAILURE_KINDS, (i + 1) * FAILURE_KINDS);
  const { minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us } = chunk;
  for (const column of [minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us]) column[i] = NONE16;
  track.pending = 0;
}

/** Takes the percentiles of some more of its samples into bucket `i`: by count, where it has some already. */
function merge(chunk: Chunk, i: number, tally: Tally): void {
  const { count: added, failures, p50Us, p95Us, connectP50Us, firstByteP50Us } = tally.summary();
  const ok = added - failures;
  if (ok === 0) return;
  let before = (chunk.samples[i] ?? 0) - ok - failuresOf(chunk, i);
  const suspect = chunk.suspect[i] ?? 0;
  if ((chunk.samples[i] ?? 0) > suspect) before -= suspect;
  const blend = (column: Uint16Array, us: number) => {
    const oldUs = unpack16(column[i] ?? NONE16);
    const weight = oldUs < 0 ? 0 : Math.max(0, before);
    column[i] = pack16(us < 0 ? oldUs : (oldUs * weight + us * ok) / (weight + ok));
  };
  blend(chunk.p50Us, p50Us);
  blend(chunk.p95Us, p95Us);
  blend(chunk.connectP50Us, connectP50Us);
  blend(chunk.firstByteP50Us, firstByteP50Us);
}
