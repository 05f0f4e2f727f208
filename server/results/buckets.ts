import { OUTCOMES } from '../protocol/sample.ts';
import { HEAD_BYTES, type RecordFormat } from '../protocol/stored-results.ts';

/** Kinds of failure: all outcomes but `ok`. */
const FAILURE_KINDS = OUTCOMES.length - 1;

/** The sum of the samples of one link in one period. All times are monotonic. Durations are packed by `pack16`. */
export interface Bucket {
  /** The period. It begins at a multiple of its width, one of `BUCKET_WIDTHS_MS`. */
  startMs: number;
  endMs: number;
  /** When its newest sample was taken. */
  newestMs: number;
  samples: number;
  suspect: number;
  /**
   * `StoredSample.code` and the latency of its last trusted sample, or of its last one if it has none. Only the suspect bit of the
   * code is that of its newest sample.
   */
  code: number;
  lastTotal16: number;
  /** Failures by outcome, in the order of `OUTCOMES` after `ok`. Suspect samples count only if it has no others. */
  failures: readonly number[];
  /** Latencies of the ok samples, of suspect ones as for `failures`: minimum, median, 95th percentile, maximum. */
  min16: number;
  median16: number;
  high16: number;
  max16: number;
  /** Medians of their phases. */
  connect16: number;
  firstByte16: number;
  /** Datagrams of the UDP probe, and those that were lost. */
  udpSent: number;
  udpLost: number;
}

/** How many samples of a bucket are not suspect. */
export function trustedOf({ samples, suspect }: Bucket): number {
  return samples - suspect;
}

/** How many samples of a bucket failed. */
export function failuresOf({ failures }: Bucket): number {
  return failures.reduce((sum, count) => sum + count, 0);
}

/** Whether the numbers of a bucket fit into its record. */
export function isRecordable({ samples, suspect, failures }: Bucket): boolean {
  return samples <= 0xffff && suspect <= 0xff && failures.every((count) => count <= 0xff);
}

/** Width, suspect, code (3 x 8); samples and durations (8 x 16); failures (8 each); with `hasUdp` datagrams (2 x 32). */
function bucketRecord(hasUdp: boolean): RecordFormat<Bucket> {
  const failuresAt = 3 + 2 * 8;
  const udpAt = failuresAt + FAILURE_KINDS;
  return {
    bytes: HEAD_BYTES + udpAt + (hasUdp ? 8 : 0),
    write(view, at, bucket) {
      const { min16, median16, high16, max16, connect16, firstByte16, lastTotal16 } = bucket;
      const widthMs = bucket.endMs - bucket.startMs;
      view.setUint8(at, BUCKET_WIDTHS_MS.indexOf(widthMs));
      view.setUint8(at + 1, bucket.suspect);
      view.setUint8(at + 2, bucket.code);
      const shorts = [bucket.samples, min16, median16, high16, max16, connect16, firstByte16, lastTotal16];
      for (const [i, short] of shorts.entries()) view.setUint16(at + 3 + 2 * i, short);
      for (const [i, count] of bucket.failures.entries()) view.setUint8(at + failuresAt + i, count);
      if (!hasUdp) return;
      view.setUint32(at + udpAt, bucket.udpSent);
      view.setUint32(at + udpAt + 4, bucket.udpLost);
    },
    read(view, at, newestMs) {
      const widthMs = BUCKET_WIDTHS_MS[view.getUint8(at)] ?? 0;
      const startMs = Math.floor(newestMs / widthMs) * widthMs;
      const failures: number[] = [];
      for (let kind = 0; kind < FAILURE_KINDS; kind++) failures.push(view.getUint8(at + failuresAt + kind));
      return {
        startMs,
        endMs: startMs + widthMs,
        newestMs,
        suspect: view.getUint8(at + 1),
        code: view.getUint8(at + 2),
        samples: view.getUint16(at + 3),
        min16: view.getUint16(at + 5),
        median16: view.getUint16(at + 7),
        high16: view.getUint16(at + 9),
        max16: view.getUint16(at + 11),
        connect16: view.getUint16(at + 13),
        firstByte16: view.getUint16(at + 15),
        lastTotal16: view.getUint16(at + 17),
        failures,
        udpSent: hasUdp ? view.getUint32(at + udpAt) : 0,
        udpLost: hasUdp ? view.getUint32(at + udpAt + 4) : 0,
      };
    },
  };
}

const BUCKETS_PER_CHUNK = 2_048;
/** Before the record of a bucket: how many buckets back the previous one of the same link is; 0 = none. */
const BACK_BYTES = 4;

interface Chunk {
  /** One more than that of the chunk before it. The first bucket of a chunk has the number `number` * `BUCKETS_PER_CHUNK`. */
  number: number;
  view: DataView;
  used: number;
  /** When the newest sample of its buckets was taken, and the largest width of these. */
  newestMs: number;
  widthMs: number;
}

/**
 * The buckets of all links, in the order in which they were added, in at most `maxBytes`, but at least one chunk. Memory is taken
 * chunk by chunk; when the limit is reached, the oldest chunk is reused. The number of a bucket never changes.
 */
export class BucketLog {
  readonly #format: RecordFormat<Bucket>;
  readonly #bucketBytes: number;
  readonly #maxChunks: number;
  readonly #chunks: Chunk[] = [];
  /** The number of the next chunk. It only grows, so that the number of a dropped bucket is never used again. */
  #nextChunk = 0;
  /** Buckets up to this time were dropped for lack of memory; -Infinity while none was. */
  forgottenMs = Number.NEGATIVE_INFINITY;

  /** `hasUdp`: whether buckets count the datagrams of the UDP probe too. */
  constructor(maxBytes: number, hasUdp: boolean) {
    this.#format = bucketRecord(hasUdp);
    this.#bucketBytes = BACK_BYTES + this.#format.bytes;
    this.#maxChunks = Math.max(1, Math.floor(maxBytes / this.#bucketBytes / BUCKETS_PER_CHUNK));
  }

  get bytes(): number {
    return this.#chunks.length * BUCKETS_PER_CHUNK * this.#bucketBytes;
  }

  /** How many buckets are surely kept: the oldest chunk may be reused next. With a single chunk none is sure. */
  get capacity(): number {
    return Math.max(1, this.#maxChunks - 1) * BUCKETS_PER_CHUNK;
  }

  /** Adds a bucket and returns its number. `previous`: the number of the link's last bucket; -1 = none. */
  add(previous: number, bucket: Bucket): number {
    const chunk = this.#chunkWithRoom();
    const number = chunk.number * BUCKETS_PER_CHUNK + chunk.used;
    chunk.view.setUint32(chunk.used * this.#bucketBytes, previous < 0 ? 0 : number - previous);
    chunk.used += 1;
    this.replace(number, bucket);
    return number;
  }

  /** Replaces bucket `number`, which must be there. */
  replace(number: number, bucket: Bucket): void {
    const { chunk, at } = this.#placeOf(number) as Place;
    chunk.view.setFloat64(at + BACK_BYTES, bucket.newestMs, true);
    this.#format.write(chunk.view, at + BACK_BYTES + HEAD_BYTES, bucket);
    chunk.newestMs = Math.max(chunk.newestMs, bucket.newestMs);
    chunk.widthMs = Math.max(chunk.widthMs, bucket.endMs - bucket.startMs);
  }

  /** Bucket `number`; null if it was dropped, or `number` is -1. */
  find(number: number): Bucket | null {
    const place = this.#placeOf(number);
    return place === null ? null : this.#read(place);
  }

  /** The buckets of a link whose periods end after `fromMs`, from bucket `newest` back. */
  chain(newest: number, fromMs: number): Bucket[] {
    const found: Bucket[] = [];
    let number = newest;
    for (let place = this.#placeOf(number); place !== null; place = this.#placeOf(number)) {
      const bucket = this.#read(place);
      if (bucket.endMs <= fromMs) break;
      found.push(bucket);
      const back = place.chunk.view.getUint32(place.at);
      if (back === 0) break;
      number -= back;
    }
    return found;
  }

  /** The largest width of the buckets since `fromMs`; 0 if there are none. */
  maxWidthMs(fromMs: number): number {
    return Math.max(0, ...this.#chunks.map(({ newestMs, widthMs }) => (newestMs >= fromMs ? widthMs : 0)));
  }

  /** Drops the chunks all of whose samples were taken before `beforeMs`. */
  expire(beforeMs: number): void {
    while ((this.#chunks[0]?.newestMs ?? beforeMs) < beforeMs) this.#chunks.shift();
  }

  #read({ chunk: { view }, at }: Place): Bucket {
    return this.#format.read(view, at + BACK_BYTES + HEAD_BYTES, view.getFloat64(at + BACK_BYTES, true));
  }

  #placeOf(number: number): Place | null {
    const chunk = this.#chunks[Math.floor(number / BUCKETS_PER_CHUNK) - (this.#chunks[0]?.number ?? 0)];
    return chunk === undefined ? null : { chunk, at: (number % BUCKETS_PER_CHUNK) * this.#bucketBytes };
  }

  #chunkWithRoom(): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.used < BUCKETS_PER_CHUNK) return last;
    const oldest = this.#chunks.length < this.#maxChunks ? undefined : this.#chunks.shift();
    if (oldest !== undefined) this.forgottenMs = Math.max(this.forgottenMs, oldest.newestMs);
    const view = oldest?.view ?? new DataView(new ArrayBuffer(BUCKETS_PER_CHUNK * this.#bucketBytes));
    const chunk = { number: this.#nextChunk++, view, used: 0, newestMs: Number.NEGATIVE_INFINITY, widthMs: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/** The chunk of a bucket, and where in it the bucket begins. */
interface Place {
  chunk: Chunk;
  at: number;
}

/** The widths that a bucket may have, ms, ascending. */
export const BUCKET_WIDTHS_MS: readonly number[] = [
  5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
  21_600_000, 86_400_000,
];

/** With 4 samples a bucket takes about two thirds of the memory of the samples (15 bytes each, `SAMPLE_RECORD`), with 2 more than they. */
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
