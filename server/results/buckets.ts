import { NONE16 } from '../protocol/links.ts';
import { OUTCOMES } from '../protocol/sample.ts';

/** Kinds of failure: all outcomes but ok. */
export const FAILURE_KINDS = OUTCOMES.length - 1;

/** The buckets of a chunk: so many, in so many bytes each. */
const BUCKETS = 2_048;
const BYTES_PER_BUCKET = 34;
const CHUNK_BYTES = BUCKETS * BYTES_PER_BUCKET;

/**
 * Some thousand buckets of one length, in columns. A bucket is about one link in one time range of time. Durations are
 * packed by `pack16`, over the samples that are ok. Of samples that are suspect only their number counts, unless the
 * bucket has no others.
 */
export interface Chunk {
  /** Its place among all chunks there ever were. */
  number: number;
  widthMs: number;
  /** When its first bucket begins. */
  baseMs: number;
  /** When its last one ends. */
  endMs: number;
  /** How many buckets it has. */
  used: number;
  /** How many buckets back, over all chunks, this link's previous one is; 0 = there is none. */
  back: Uint32Array<ArrayBuffer>;
  /** When it begins, in widths since `baseMs`. */
  start: Uint16Array;
  /** When its newest sample was taken, ms since its beginning, packed. */
  newestMs: Uint16Array;
  samples: Uint16Array;
  minUs: Uint16Array;
  p50Us: Uint16Array;
  p95Us: Uint16Array;
  maxUs: Uint16Array;
  connectP50Us: Uint16Array;
  firstByteP50Us: Uint16Array;
  /** Total of the last sample that counts. */
  lastTotalUs: Uint16Array;
  suspect: Uint8Array;
  /** Outcome and phase of the last sample that counts, and whether the newest is suspect; see `codeOf` of rings.ts. */
  code: Uint8Array;
  /** Failures by outcome: `FAILURE_KINDS` to a bucket. */
  failures: Uint8Array;
}

/**
 * Buckets of all links, in the order in which they were begun: memory is taken as they come, chunk by chunk, and the
 * oldest chunk makes room when `maxBytes` are reached. A bucket has a number for good; each leads to its link's previous.
 */
export class BucketLog {
  readonly #maxChunks: number;
  readonly #chunks: Chunk[] = [];
  #next = 0;
  #forgottenMs = Number.NEGATIVE_INFINITY;

  constructor(maxBytes: number) {
    this.#maxChunks = Math.max(1, Math.floor(maxBytes / CHUNK_BYTES));
  }

  /** Bytes that the chunks take. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  /** Buckets that there is certainly room for: one chunk may be about to go, another was begun and left half empty. */
  get capacity(): number {
    return Math.max(1, this.#maxChunks - 2) * BUCKETS;
  }

  /** Up to when buckets had to make room; -Infinity while none had. */
  get forgottenMs(): number {
    return this.#forgottenMs;
  }

  /** Begins a bucket of `widthMs` around `nowMs`, whose link's previous one is `previous` (-1 = none); gives its number. */
  open(previous: number, widthMs: number, nowMs: number): number {
    const chunk = this.#room(widthMs, nowMs);
    const i = chunk.used;
    const number = chunk.number * BUCKETS + i;
    const start = Math.max(0, Math.floor((nowMs - chunk.baseMs) / widthMs));
    const back = previous < 0 ? 0 : number - previous;
    chunk.used += 1;
    chunk.endMs = Math.max(chunk.endMs, chunk.baseMs + (start + 1) * widthMs);
    chunk.back[i] = back > 0xffff_ffff ? 0 : back;
    chunk.start[i] = start;
    this.#next = number + 1;
    return number;
  }

  /** The chunk that has bucket `number`; null if it has made room, or there never was one. */
  chunkOf(number: number): Chunk | null {
    const first = this.#chunks[0]?.number ?? 0;
    return number < 0 ? null : (this.#chunks[Math.floor(number / BUCKETS) - first] ?? null);
  }

  /** Place of bucket `number` in the columns of its chunk. */
  indexOf(number: number): number {
    return number % BUCKETS;
  }

  /** The longest buckets since `fromMs`, ms; 0 of none. */
  widestMs(fromMs: number): number {
    return this.#chunks.reduce((most, { endMs, widthMs }) => (endMs > fromMs ? Math.max(most, widthMs) : most), 0);
  }

  /** Forgets the chunks that ended before `beforeMs`. */
  expire(beforeMs: number): void {
    const kept = this.#chunks.findIndex((chunk) => chunk.endMs >= beforeMs);
    if (kept !== 0) this.#chunks.splice(0, kept === -1 ? this.#chunks.length : kept);
  }

  #room(widthMs: number, nowMs: number): Chunk {
    const last = this.#chunks.at(-1);
    const fits =
      last !== undefined && last.widthMs === widthMs && last.used < BUCKETS && (nowMs - last.baseMs) / widthMs < 0xffff;
    if (fits) return last;
    const bytes = this.#makeRoom() ?? new ArrayBuffer(CHUNK_BYTES);
    const baseMs = Math.floor(nowMs / widthMs) * widthMs;
    const number = Math.ceil(this.#next / BUCKETS);
    const chunk = { number, widthMs, baseMs, endMs: baseMs, used: 0, ...columnsOf(bytes) };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** The memory of the oldest chunk where there may be no more; null where more may be taken. */
  #makeRoom(): ArrayBuffer | null {
    const oldest = this.#chunks.length < this.#maxChunks ? undefined : this.#chunks.shift();
    if (oldest === undefined) return null;
    this.#forgottenMs = Math.max(this.#forgottenMs, oldest.endMs);
    return oldest.back.buffer;
  }
}

/** How many samples of bucket `i` failed. */
export function failuresOf(chunk: Chunk, i: number): number {
  let failures = 0;
  for (let kind = 0; kind < FAILURE_KINDS; kind++) failures += chunk.failures[i * FAILURE_KINDS + kind] ?? 0;
  return failures;
}

/** Columns in `bytes`, widest first, all without figures. */
function columnsOf(bytes: ArrayBuffer) {
  new Uint8Array(bytes).fill(0);
  const shorts = (column: number) => new Uint16Array(bytes, (4 + 2 * column) * BUCKETS, BUCKETS);
  const columns = {
    back: new Uint32Array(bytes, 0, BUCKETS),
    start: shorts(0),
    newestMs: shorts(1),
    samples: shorts(2),
    minUs: shorts(3),
    p50Us: shorts(4),
    p95Us: shorts(5),
    maxUs: shorts(6),
    connectP50Us: shorts(7),
    firstByteP50Us: shorts(8),
    lastTotalUs: shorts(9),
    suspect: new Uint8Array(bytes, 24 * BUCKETS, BUCKETS),
    code: new Uint8Array(bytes, 25 * BUCKETS, BUCKETS),
    failures: new Uint8Array(bytes, 26 * BUCKETS, FAILURE_KINDS * BUCKETS),
  };
  const { minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us, lastTotalUs } = columns;
  for (const column of [minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us, lastTotalUs]) column.fill(NONE16);
  return columns;
}

/** The lengths that a bucket may have, ms, ascending. */
export const LADDER_MS = [
  5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
  21_600_000, 86_400_000,
] as const;

/** Fewer samples than this are no bucket: they take less room as they are. */
const LEAST_SAMPLES = 4;

/** What the length of buckets depends on. */
interface WidthNeeds {
  /** Links that are probed. */
  links: number;
  /** How many buckets there is room for. */
  buckets: number;
  /** How far back they are to reach. */
  windowMs: number;
  /** How often a link gets a sample; 0 = never. */
  intervalMs: number;
}

/**
 * The shortest length of the ladder at which the buckets of all links reach back `windowMs`, and one holds a few
 * samples; the longest where none does.
 */
export function bucketWidthMs({ links, buckets, windowMs, intervalMs }: WidthNeeds): number {
  const suits = (widthMs: number) =>
    widthMs >= Math.min(LEAST_SAMPLES * intervalMs, windowMs / 2) &&
    // One bucket more for the one that is begun, and one for the time range's ragged ends.
    links * (windowMs / widthMs + 2) <= buckets;
  return LADDER_MS.find(suits) ?? 86_400_000;
}
