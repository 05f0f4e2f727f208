import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import { asSuspect, isSuspect, outcomeIndexOf, type StoredSample } from '../protocol/stored-results.ts';
import type { Datagrams } from '../protocol/udp.ts';

/** Kinds of failure: all outcomes but `ok`. */
export const FAILURE_KINDS = OUTCOMES.length - 1;

const BUCKETS_PER_CHUNK = 2_048;
/** The columns of `columnsOf`: one of 4 bytes, ten of 2 bytes, two of one byte, and one byte for each of `FAILURE_KINDS`. */
const BYTES_PER_BUCKET = 34;
/** Bytes more where the UDP probe is on. */
const UDP_BYTES_PER_BUCKET = 4;
/** The largest number that the column `start` holds. */
const MAX_START = 0xffff;

/**
 * `BUCKETS_PER_CHUNK` buckets of one width, in columns. A bucket sums up the samples of one link in one period of `widthMs`.
 * Durations are packed by `pack16` and cover the `ok` samples. The suspect samples of a bucket go into its figures only while
 * it has no others; else only `samples` and `suspect` count them.
 */
export interface Chunk extends ReturnType<typeof columnsOf> {
  /**
   * One more than the number of the chunk before it. The first bucket of the chunk has the number `number` * `BUCKETS_PER_CHUNK`.
   */
  number: number;
  widthMs: number;
  /** When the period of its first bucket begins. */
  baseMs: number;
  /** When the period of its last bucket ends. */
  endMs: number;
  /** How many buckets are in use. */
  used: number;
}

/** A bucket: its place in the columns of its chunk, and its period. */
export interface Bucket {
  chunk: Chunk;
  i: number;
  startMs: number;
  endMs: number;
}

/**
 * The buckets of all links, in the order in which they were begun, in at most `maxBytes`. Memory is taken chunk by chunk;
 * when the limit is reached, the oldest chunk is reused. The number of a bucket never changes.
 */
export class BucketLog {
  readonly #chunkBytes: number;
  readonly #maxChunks: number;
  readonly #chunks: Chunk[] = [];
  /** The number of the next chunk. It only grows, so that the number of a dropped bucket is never used again. */
  #nextChunk = 0;
  /** Buckets up to this time were dropped for lack of memory; -Infinity while none was. */
  forgottenMs = Number.NEGATIVE_INFINITY;

  /** `hasUdp`: whether buckets count the datagrams of the UDP probe too. */
  constructor(maxBytes: number, hasUdp = false) {
    this.#chunkBytes = BUCKETS_PER_CHUNK * (BYTES_PER_BUCKET + (hasUdp ? UDP_BYTES_PER_BUCKET : 0));
    this.#maxChunks = Math.max(1, Math.floor(maxBytes / this.#chunkBytes));
  }

  /** Bytes that the chunks take. */
  get bytes(): number {
    return this.#chunks.length * this.#chunkBytes;
  }

  /**
   * How many buckets can be kept whatever happens. Two chunks are left out: the oldest may be reused next, and one may have been
   * left half empty when the width changed. With fewer than three chunks (HISTORY_MEMORY=0) it is one chunk, which is reused
   * when full.
   */
  get capacity(): number {
    return Math.max(1, this.#maxChunks - 2) * BUCKETS_PER_CHUNK;
  }

  /** Begins a bucket of `widthMs` around `nowMs` and returns its number. `previous` is the link's last bucket; -1 = none. */
  open(previous: number, widthMs: number, nowMs: number): number {
    const chunk = this.#chunkFor(widthMs, nowMs);
    const i = chunk.used;
    const number = chunk.number * BUCKETS_PER_CHUNK + i;
    const start = Math.max(0, Math.floor((nowMs - chunk.baseMs) / widthMs));
    chunk.used += 1;
    chunk.endMs = Math.max(chunk.endMs, chunk.baseMs + (start + 1) * widthMs);
    chunk.back[i] = previous < 0 ? 0 : number - previous;
    chunk.start[i] = start;
    return number;
  }

  /** Bucket `number`; null if it was dropped, or `number` is -1. */
  find(number: number): Bucket | null {
    const first = this.#chunks[0]?.number ?? 0;
    const chunk = this.#chunks[Math.floor(number / BUCKETS_PER_CHUNK) - first];
    if (chunk === undefined) return null;
    const i = number % BUCKETS_PER_CHUNK;
    const startMs = chunk.baseMs + (chunk.start[i] ?? 0) * chunk.widthMs;
    return { chunk, i, startMs, endMs: startMs + chunk.widthMs };
  }

  /** The buckets of a link whose periods end after `fromMs`, from bucket `newest` back. */
  chain(newest: number, fromMs: number): Bucket[] {
    const found: Bucket[] = [];
    let number = newest;
    for (let bucket = this.find(number); bucket !== null && bucket.endMs > fromMs; bucket = this.find(number)) {
      found.push(bucket);
      const back = bucket.chunk.back[bucket.i] ?? 0;
      if (back === 0) break;
      number -= back;
    }
    return found;
  }

  /** The largest width of the buckets since `fromMs`; 0 if there are none. */
  maxWidthMs(fromMs: number): number {
    return this.#chunks.reduce((most, { endMs, widthMs }) => (endMs > fromMs ? Math.max(most, widthMs) : most), 0);
  }

  /** Drops the chunks that ended before `beforeMs`. */
  expire(beforeMs: number): void {
    const firstKept = this.#chunks.findIndex((chunk) => chunk.endMs >= beforeMs);
    this.#chunks.splice(0, firstKept === -1 ? this.#chunks.length : firstKept);
  }

  #chunkFor(widthMs: number, nowMs: number): Chunk {
    const last = this.#chunks.at(-1);
    const fits =
      last !== undefined &&
      last.widthMs === widthMs &&
      last.used < BUCKETS_PER_CHUNK &&
      (nowMs - last.baseMs) / widthMs < MAX_START;
    if (fits) return last;
    const oldest = this.#chunks.length < this.#maxChunks ? undefined : this.#chunks.shift();
    if (oldest !== undefined) this.forgottenMs = Math.max(this.forgottenMs, oldest.endMs);
    const baseMs = Math.floor(nowMs / widthMs) * widthMs;
    const number = this.#nextChunk++;
    // All columns of a chunk are in one buffer, so `back.buffer` is all of it.
    const columns = columnsOf(oldest?.back.buffer ?? new ArrayBuffer(this.#chunkBytes));
    const chunk = { number, widthMs, baseMs, endMs: baseMs, used: 0, ...columns };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/**
 * Makes empty columns in `bytes`. The 4-byte column comes first, then the 2-byte columns, then the 1-byte columns, because a
 * column must begin at a multiple of its element size. Those of the UDP probe are at the end, if `bytes` has room for them.
 */
function columnsOf(bytes: ArrayBuffer) {
  new Uint8Array(bytes).fill(0);
  const hasUdp = bytes.byteLength > BUCKETS_PER_CHUNK * BYTES_PER_BUCKET;
  // It begins after 4 bytes per bucket (`back`) and 2 more for each number before `column`.
  const shorts = (column: number) => new Uint16Array(bytes, (4 + 2 * column) * BUCKETS_PER_CHUNK, BUCKETS_PER_CHUNK);
  const columns = {
    /** How many buckets back (over all chunks) the previous bucket of the same link is; 0 = none. */
    back: new Uint32Array(bytes, 0, BUCKETS_PER_CHUNK),
    /** When its period begins: widths since `baseMs`. */
    start: shorts(0),
    /** When its newest sample was taken: ms since its period began, packed. */
    newestMs: shorts(1),
    samples: shorts(2),
    minUs: shorts(3),
    p50Us: shorts(4),
    p95Us: shorts(5),
    maxUs: shorts(6),
    connectP50Us: shorts(7),
    firstByteP50Us: shorts(8),
    /** Total of the last sample that went into the figures. */
    lastTotalUs: shorts(9),
    suspect: new Uint8Array(bytes, 24 * BUCKETS_PER_CHUNK, BUCKETS_PER_CHUNK),
    /** `StoredSample.code`: outcome and phase of the last sample that went into the figures, and whether the newest is suspect. */
    code: new Uint8Array(bytes, 25 * BUCKETS_PER_CHUNK, BUCKETS_PER_CHUNK),
    /** Failures by outcome: `FAILURE_KINDS` per bucket. */
    failures: new Uint8Array(bytes, 26 * BUCKETS_PER_CHUNK, FAILURE_KINDS * BUCKETS_PER_CHUNK),
    /** Datagrams of the UDP probe, and those that were lost; empty where it is off. */
    udpSent: hasUdp ? shorts(15) : new Uint16Array(0),
    udpLost: hasUdp ? shorts(16) : new Uint16Array(0),
  };
  const { minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us, lastTotalUs } = columns;
  for (const column of [minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us, lastTotalUs]) column.fill(NONE16);
  return columns;
}

/** A bucket is full when one of its counts cannot grow: `samples` has two bytes, `suspect` and `failures` have one. */
const MAX_SAMPLE_COUNT = 0xffff;
const MAX_BYTE_COUNT = 0xff;
/**
 * A bucket with this many datagrams is full. The datagrams since the last ping are added together: usually those of one or two
 * cycles, 1000 in each at most (UDP_PACKET_COUNT). So they fit below `MAX_SAMPLE_COUNT`. If they do not fit, none of them is
 * counted.
 */
const FULL_UDP_COUNT = 60_000;

/** Whether a bucket can count no more samples. */
export function isFull({ chunk, i }: Bucket): boolean {
  if ((chunk.samples[i] ?? 0) >= MAX_SAMPLE_COUNT || (chunk.suspect[i] ?? 0) >= MAX_BYTE_COUNT) return true;
  if ((chunk.udpSent[i] ?? 0) >= FULL_UDP_COUNT) return true;
  for (let kind = 0; kind < FAILURE_KINDS; kind++) {
    if (chunk.failures[i * FAILURE_KINDS + kind] === MAX_BYTE_COUNT) return true;
  }
  return false;
}

/**
 * Adds a sample to a bucket, except to its percentiles (`addPercentiles` does that). The first sample that is not suspect
 * discards the figures of the suspect samples before it. Returns whether that has happened.
 */
export function addToBucket({ chunk, i, startMs }: Bucket, { atMs, code, total16 }: StoredSample): boolean {
  const samples = chunk.samples[i] ?? 0;
  const suspect = chunk.suspect[i] ?? 0;
  const hasNoTrusted = samples === suspect;
  const isSuspectSample = isSuspect(code);
  const discards = !isSuspectSample && hasNoTrusted && samples > 0;
  if (discards) discardFigures(chunk, i);
  chunk.samples[i] = samples + 1;
  chunk.suspect[i] = suspect + (isSuspectSample ? 1 : 0);
  chunk.newestMs[i] = pack16(atMs - startMs);
  if (isSuspectSample && !hasNoTrusted) {
    chunk.code[i] = asSuspect(chunk.code[i] ?? 0);
    return discards;
  }
  const outcome = outcomeIndexOf(code);
  chunk.code[i] = code;
  chunk.lastTotalUs[i] = total16;
  if (outcome === 0) {
    // `NONE16` is the largest number, so only the maximum has to look for it.
    const max16 = chunk.maxUs[i] ?? NONE16;
    chunk.minUs[i] = Math.min(chunk.minUs[i] ?? NONE16, total16);
    chunk.maxUs[i] = max16 === NONE16 ? total16 : Math.max(max16, total16);
  } else {
    const at = i * FAILURE_KINDS + outcome - 1;
    chunk.failures[at] = (chunk.failures[at] ?? 0) + 1;
  }
  return discards;
}

/** Adds datagrams of the UDP probe to a bucket, or leaves them out if there is no room for all of them. */
export function addUdpToBucket({ chunk, i }: Bucket, sent: number, lost: number): void {
  const total = (chunk.udpSent[i] ?? 0) + sent;
  if (total > MAX_SAMPLE_COUNT) return;
  chunk.udpSent[i] = total;
  chunk.udpLost[i] = (chunk.udpLost[i] ?? 0) + lost;
}

/** The datagrams of a bucket; null without any. In how many cycles they were lost is not kept: see `Datagrams.lossCycles`. */
export function datagramsOf({ chunk, i }: Bucket): Datagrams | null {
  const sent = chunk.udpSent[i] ?? 0;
  if (sent === 0) return null;
  const lost = chunk.udpLost[i] ?? 0;
  return { sent, lost, lossCycles: lost > 0 ? 2 : 0 };
}

/** Discards what the suspect samples of a bucket gave, except `code` and `lastTotalUs`, which the next sample overwrites. */
function discardFigures(chunk: Chunk, i: number): void {
  chunk.failures.fill(0, i * FAILURE_KINDS, (i + 1) * FAILURE_KINDS);
  const { minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us } = chunk;
  for (const column of [minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us]) column[i] = NONE16;
}

/** When the newest sample of a bucket was taken. */
export function newestOf({ chunk, i, startMs }: Bucket): number {
  return startMs + Math.min(chunk.widthMs, unpack16(chunk.newestMs[i] ?? 0));
}

/** How many of the samples that went into the figures of a bucket failed: of the suspect ones none once it has others. */
export function failuresOf({ chunk, i }: Bucket): number {
  let failures = 0;
  for (let kind = 0; kind < FAILURE_KINDS; kind++) failures += chunk.failures[i * FAILURE_KINDS + kind] ?? 0;
  return failures;
}

/** How many samples of a bucket are not suspect. */
export function trustedOf({ chunk, i }: Bucket): number {
  return (chunk.samples[i] ?? 0) - (chunk.suspect[i] ?? 0);
}

/** The widths that a bucket may have, ms, ascending. */
export const BUCKET_WIDTHS_MS = [
  5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
  21_600_000, 86_400_000,
] as const;

/**
 * With 4 samples a bucket (`BYTES_PER_BUCKET`) takes about 60 % of the memory of the samples (15 bytes each, `SAMPLE_RECORD`), with
 * 3 about 80 %, and with 2 more than they.
 */
const MIN_SAMPLES_PER_BUCKET = 4;

/**
 * The smallest width at which `buckets` buckets reach back `historyWindowMs` for each of `links` links, and at which a bucket has
 * a few samples; the largest width if none does. `intervalMs` is how often a link gets a sample; 0 = never.
 */
export function bucketWidthMs(needs: {
  links: number;
  buckets: number;
  historyWindowMs: number;
  intervalMs: number;
}): number {
  const { links, buckets, historyWindowMs, intervalMs } = needs;
  // Fewer samples per bucket are accepted if the window would otherwise have fewer than two buckets.
  const minWidthMs = Math.min(MIN_SAMPLES_PER_BUCKET * intervalMs, historyWindowMs / 2);
  const suits = (widthMs: number) =>
    widthMs >= minWidthMs &&
    // One bucket more for the one that has just begun, and one because the window begins within a bucket.
    links * (historyWindowMs / widthMs + 2) <= buckets;
  return BUCKET_WIDTHS_MS.find(suits) ?? Math.max(...BUCKET_WIDTHS_MS);
}
