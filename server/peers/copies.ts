import { KeptJournal } from '../events/journal.ts';
import {
  type CopiedTarget,
  type CopyAnswer,
  type CopyCursor,
  type CopyPart,
  type CopyPiece,
  MAX_ANSWER_CYCLES,
  MAX_ANSWER_SAMPLES,
  MAX_COPIES,
  MAX_PIECES,
  NO_CURSOR,
  readRecord,
} from '../protocol/copy.ts';
import { type CopiedJournal, MAX_COPIED_JOURNALS, MAX_EVENTS } from '../protocol/event.ts';
import { type AgeRange, type LinkHistory, MAX_PAST_MS, type PodHistory } from '../protocol/history.ts';
import { type PingSettings, shortestRangeMs } from '../protocol/link-state.ts';
import { type PodReport, starvedTimesIn } from '../protocol/pod-report.ts';
import type { LinkSamples } from '../protocol/sample.ts';
import { CYCLE_RECORD, type RecordFormat, SAMPLE_RECORD } from '../protocol/stored-results.ts';
import { COPY_SHARE, type ResultsSettings } from '../results/history.ts';
import { playedBack } from '../results/playback.ts';
import type { Results } from '../results/results.ts';
import type { Clock } from '../runtime/clock.ts';
import { SerialQueue } from '../runtime/concurrency.ts';
import { SharedResults } from '../runtime/shared-results.ts';
import { isWithin } from '../runtime/time-range.ts';

type CopiesSettings = ResultsSettings & PingSettings;

/**
 * The copy of one process of a pod, without gaps. Its times are by the monotonic clock of that process. If its keepers cannot reach the
 * pod for longer than it keeps samples, there is a gap, and a further copy of the process begins after it.
 */
interface Copy {
  uid: string;
  /** The journal of the process. Its id identifies the process. */
  journal: KeptJournal;
  /** The copy has everything from `sinceMs` to `untilMs`. */
  sinceMs: number;
  untilMs: number;
  /** A time of the process plus this is a monotonic time of ours. */
  offsetMs: number;
  /** The most that `offsetMs` was wrong by when it was computed, half of how long the call took; and when that was, monotonic. */
  errorMs: number;
  computedMs: number;
  /** How many targets the process has had: `targets` has all below this number. */
  links: number;
  targets: CopiedTarget[];
  pieces: CopyPiece[];
}

/** How often a keeper asks a pod for what is new. If a pod is killed, at most this much of its past is lost. */
export const PULL_MS = 10_000;
/** Approximate memory of a target, of a piece besides its samples and cycles, and of a copy. */
const TARGET_BYTES = 300;
const PIECE_BYTES = 400;
const COPY_BYTES = 1_000;
/** By this share of the time that passes, the clocks of two machines may drift apart: 100 ppm, the tolerance of cheap quartz. */
const CLOCK_DRIFT = 1e-4;
/** What begins this soon after the end of a copy leaves no gap: a call takes that long. */
const GAP_MS = 1_000;
/** If nothing new has come from a pod for this long, three pulls have failed. Then its journal is given from the copy. */
const SILENT_MS = 3 * PULL_MS;
/** Results that were played back are kept this long for further queries, and no longer: they take much more memory than the copy. */
const REPLAY_KEEP_MS = 10_000;
/** The most results that are kept played back; only one if its copy has more than `LARGE_SAMPLES`. */
const MAX_REPLAYS = 8;
const LARGE_SAMPLES = 50_000;

/**
 * The copies that this pod keeps of others: their samples and their journals of the last HISTORY_WINDOW. To answer a query, a copy
 * is played back into results of its own, so that its answer is the one that its pod would have given. The answer is null if no copy
 * has anything of the range that is asked for. Copies are played back one after the other. Queries reject with a BusyError after `stop`.
 */
export class Copies {
  readonly #settings: CopiesSettings;
  readonly #clock: Clock;
  readonly #isLeftOut: (from: string, to: string) => boolean;
  readonly #maxBytes: number;
  #copies: Copy[] = [];
  readonly #playing = new SerialQueue();
  readonly #replays: SharedResults<Results>;

  /** `isLeftOut`: whether a link between two pods is not counted in a history (IGNORE_CORDONED). */
  constructor(settings: CopiesSettings, clock: Clock, isLeftOut: (from: string, to: string) => boolean) {
    this.#settings = settings;
    this.#clock = clock;
    this.#isLeftOut = isLeftOut;
    this.#maxBytes = settings.historyMemoryMiB * 2 ** 20 * COPY_SHARE;
    // The queue limits what runs. What waits in it is no more than there are copies.
    this.#replays = new SharedResults(clock, Number.POSITIVE_INFINITY, '');
  }

  /** Approximate memory of all copies, without results that were played back. */
  get bytes(): number {
    return this.#copies.reduce((sum, copy) => sum + bytesOf(copy), 0);
  }

  /** Up to where our newest copy of a pod goes, so that a keeper asks for what comes after it; null if there is none. */
  cursorOf(uid: string): CopyCursor | null {
    const copy = this.#copiesOf(uid).at(-1);
    if (copy === undefined) return null;
    const { journal, untilMs, links } = copy;
    return { process: journal.id, sinceMs: untilMs, links, seq: journal.lastSeq };
  }

  /** Adds what an answer has of pod `uid`; it was written `agoMs` ago, give or take `errorMs`. Then drops what is too old or too much. */
  take(uid: string, { copies }: CopyAnswer, written: { agoMs: number; errorMs: number }): void {
    for (const part of copies) this.#takePart(uid, part, written);
    this.#trim();
  }

  /** What a keeper that has `cursor` lacks of the copies of pod `uid`, the oldest first, within the limits of one answer. */
  answer(uid: string, cursor: CopyCursor): CopyAnswer {
    let sampleRoom = MAX_ANSWER_SAMPLES;
    let cycleRoom = MAX_ANSWER_CYCLES;
    const copies: CopyPart[] = [];
    const all = this.#copiesOf(uid);
    const isSame = ({ journal }: Copy) => journal.id === cursor.process;
    const next = all.findIndex((copy) => isSame(copy) && copy.untilMs > cursor.sinceMs);
    // `next` is -1 if the keeper has all samples of this process: then the last copy of it adds only to the journal. It is -1 also if
    // we do not know the process: then all copies are new to the keeper.
    const first = next >= 0 ? next : Math.max(0, all.findLastIndex(isSame));
    for (const copy of all.slice(first)) {
      const from = isSame(copy) ? cursor : NO_CURSOR;
      const wanted = copy.pieces.filter(({ toMs }) => toMs > from.sinceMs);
      const pieces: CopyPiece[] = [];
      for (const piece of wanted.slice(0, MAX_PIECES)) {
        sampleRoom -= piece.samples.length / SAMPLE_RECORD.bytes;
        cycleRoom -= piece.cycles.length / CYCLE_RECORD.bytes;
        if (sampleRoom < 0 || cycleRoom < 0) break;
        pieces.push(piece);
      }
      const isComplete = pieces.length === wanted.length;
      const nowMs = this.#nowOf(copy);
      copies.push({
        nowMs,
        sinceMs: copy.sinceMs,
        untilMs: isComplete ? copy.untilMs : (pieces.at(-1)?.toMs ?? copy.sinceMs),
        links: copy.links,
        targets: copy.targets.filter(({ number }) => number >= from.links),
        pieces,
        journal: copy.journal.read(nowMs, MAX_PAST_MS, MAX_EVENTS, from.seq),
      });
      // The next cursor says where the last copy of this answer ends, so nothing may be left out before it.
      if (!isComplete) return { hasMore: true, copies };
    }
    return { hasMore: false, copies };
  }

  /** The report of pod `uid` of a past range. Its state of discovery is not copied. */
  async reportOf(uid: string, range: AgeRange): Promise<PodReport | null> {
    const found = await this.#replay(uid, range);
    if (found === null) return null;
    const { copy, results } = found;
    const report = await results.reportOf(range);
    const nowMs = this.#nowOf(copy);
    const toMs = nowMs - range.toAgeMs;
    const stoodStill = isWithin(copy.journal.standstills, toMs);
    const starved = copy.journal.starvedAt(toMs, this.#clock.nowMs() - nowMs);
    const starvedRange = { fromMs: toMs - shortestRangeMs(this.#settings), toMs };
    const times = starvedTimesIn(copy.journal.starvedTimes, starvedRange);
    return {
      pod: { uid, name: '', namespace: '' },
      atMs: this.#clock.nowMs(),
      bootTimeMs: Math.round(this.#clock.nowMs() - nowMs + copy.journal.startMs),
      discovery: { phase: 'synced', sinceMs: 0, lastGoodMs: 0 },
      ...report,
      starvation: { ...report.starvation, ...starved, times },
      past: { ...report.past, untilAgeMs: this.#untilAgeMs(copy), ...(stoodStill && { stoodStill }) },
      probes: [],
    };
  }

  /** The history of all links of pod `uid`. */
  async podHistory(uid: string, range: AgeRange, stepMs: number): Promise<PodHistory | null> {
    const found = await this.#replay(uid, range);
    const history = await found?.results.podHistory(range, stepMs, (to) => this.#isLeftOut(uid, to));
    return found === null || history === undefined ? null : { ...history, untilAgeMs: this.#untilAgeMs(found.copy) };
  }

  /** The recent samples of the link of pod `uid` to pod `to`. */
  async samples(uid: string, to: string): Promise<LinkSamples | null> {
    const found = await this.#replay(uid, { fromAgeMs: this.#settings.historyWindowMs, toAgeMs: 0 });
    return found === null ? null : { from: uid, to, error: '', ...found.results.linkSamples(to) };
  }

  /** The history of the link of pod `uid` to pod `to`. */
  async linkHistory(uid: string, to: string, range: AgeRange, stepMs: number): Promise<LinkHistory | null> {
    const found = await this.#replay(uid, range);
    return found === null ? null : { from: uid, to, error: '', ...found.results.linkHistory(to, range, stepMs) };
  }

  /**
   * The journals that nobody else can give: of pods that are not `present`, of earlier processes, and of pods that have not answered
   * for `SILENT_MS`. They have entries of the last `sinceAgeMs`, and are at most `limit` journals and entries together, because the
   * reader accepts no more: the head of a journal takes about as much as an entry.
   */
  journals(sinceAgeMs: number, limit: number, present: ReadonlySet<string>): CopiedJournal[] {
    const lost = this.#copies.filter((copy) => {
      // The copies before and after a gap have one journal.
      if (copy !== this.#newestOf(copy.journal.id)) return false;
      const isOfLastProcess = copy === this.#copiesOf(copy.uid).at(-1);
      const answers = present.has(copy.uid) && this.#untilAgeMs(copy) < SILENT_MS;
      return !(isOfLastProcess && answers);
    });
    // Each journal has room for its head and one entry.
    const given = lost.slice(-Math.min(MAX_COPIED_JOURNALS, Math.max(1, Math.floor(limit / 2))));
    const share = Math.max(1, Math.floor(limit / given.length) - 1);
    return given.map((copy) => {
      return { uid: copy.uid, journal: copy.journal.read(this.#nowOf(copy), sinceAgeMs, share) };
    });
  }

  /** Drops the results that were played back. */
  stop(): void {
    this.#replays.stop();
  }

  /** The copies of a pod in the order in which they end. */
  #copiesOf(uid: string): Copy[] {
    const copies = this.#copies.filter((copy) => copy.uid === uid);
    return copies.sort((a, b) => a.untilMs + a.offsetMs - b.untilMs - b.offsetMs);
  }

  /** The newest copy of a process. What comes next is added to it. */
  #newestOf(process: string): Copy | undefined {
    return this.#copies.findLast(({ journal }) => journal.id === process);
  }

  /** The newest copy that has something of a range, and the results that it plays back into; null if none has. */
  async #replay(uid: string, { fromAgeMs, toAgeMs }: AgeRange): Promise<{ copy: Copy; results: Results } | null> {
    const copy = this.#copiesOf(uid).findLast((one) => {
      const nowMs = this.#nowOf(one);
      return one.sinceMs < nowMs - toAgeMs && one.untilMs > nowMs - fromAgeMs;
    });
    if (copy === undefined) return null;
    const samples = copy.pieces.reduce((sum, piece) => sum + piece.samples.length / SAMPLE_RECORD.bytes, 0);
    const play = () => {
      const copied = { ...copy, startedMs: copy.journal.startMs, pieces: [...copy.pieces] };
      return playedBack(copied, this.#settings, this.#clock);
    };
    const results = await this.#replays.get(
      `${copy.journal.id}/${copy.untilMs}`,
      () => this.#playing.run(play),
      () => REPLAY_KEEP_MS,
      samples > LARGE_SAMPLES ? 1 : MAX_REPLAYS,
    );
    return { copy, results };
  }

  /** Now by the clock of the copied process, at the earliest the end of the copy. */
  #nowOf({ offsetMs, untilMs }: Copy): number {
    return Math.max(untilMs, this.#clock.monotonicMs() - offsetMs);
  }

  /** How long ago the copy ended. */
  #untilAgeMs(copy: Copy): number {
    return Math.max(0, Math.round(this.#nowOf(copy) - copy.untilMs));
  }

  /** Adds what is new of one process. */
  #takePart(uid: string, part: CopyPart, { agoMs, errorMs }: { agoMs: number; errorMs: number }): void {
    const { nowMs, sinceMs, untilMs, links, targets, pieces, journal } = part;
    const known = this.#newestOf(journal.id);
    // A hostile pod claims to be a process of another one.
    if (known !== undefined && known.uid !== uid) return;
    // The copy after a gap has the journal and the targets of that before.
    const isAfterGap = known !== undefined && sinceMs > known.untilMs + GAP_MS;
    const copy = isAfterGap ? { ...known, sinceMs, untilMs: sinceMs, pieces: [] } : (known ?? newCopy(uid, part));
    if (copy !== known) this.#copies.push(copy);
    // The quickest call tells best what the clock of the process is, unless it was so long ago that the clocks have drifted apart.
    const ourMs = this.#clock.monotonicMs();
    if (errorMs < copy.errorMs + CLOCK_DRIFT * (ourMs - copy.computedMs)) {
      Object.assign(copy, { offsetMs: ourMs - agoMs - nowMs, errorMs, computedMs: ourMs });
    }
    copy.links = Math.max(copy.links, links);
    const numbers = new Set(copy.targets.map(({ number }) => number));
    copy.targets.push(...targets.filter(({ number }) => !numbers.has(number)));
    for (const piece of pieces) {
      if (piece.toMs <= copy.untilMs) continue;
      const added = partAfter(piece, copy.untilMs);
      if (recordBytesOf(added) > 0) copy.pieces.push(added);
      copy.untilMs = piece.toMs;
    }
    copy.untilMs = Math.max(copy.untilMs, untilMs);
    copy.journal.take(journal, nowMs);
  }

  /** Forgets what is older than HISTORY_WINDOW, and what there is no room for. */
  #trim(): void {
    for (const uid of new Set(this.#copies.map((copy) => copy.uid)))
      for (const copy of this.#copiesOf(uid).slice(0, -MAX_COPIES)) this.#drop(copy);
    for (const copy of [...this.#copies]) {
      const oldestMs = this.#nowOf(copy) - this.#settings.historyWindowMs;
      while ((copy.pieces[0]?.toMs ?? Number.POSITIVE_INFINITY) < oldestMs) dropOldestPiece(copy);
      copy.journal.dropBefore(oldestMs);
      if (copy.untilMs < oldestMs) this.#drop(copy);
    }
    // A hostile pod may send thousands of pieces at once: the bytes of all are not summed up anew for each that is dropped.
    let excess = this.bytes - this.#maxBytes;
    const sizes = new Map(this.#copies.map((copy) => [copy, bytesOf(copy)]));
    while (excess > 0) {
      const [largest, size] = [...sizes].reduce((a, b) => (b[1] > a[1] ? b : a));
      const piece = dropOldestPiece(largest);
      const freed = piece === undefined ? size : PIECE_BYTES + recordBytesOf(piece);
      sizes.set(largest, size - freed);
      excess -= freed;
      if (piece === undefined) this.#drop(largest);
    }
  }

  #drop(copy: Copy): void {
    this.#copies = this.#copies.filter((one) => one !== copy);
  }
}

/** An empty copy of the process of an answer. */
function newCopy(uid: string, { nowMs, sinceMs, journal }: CopyPart): Copy {
  return {
    uid,
    journal: new KeptJournal(journal.id, nowMs - journal.knownAgeMs),
    sinceMs,
    untilMs: sinceMs,
    offsetMs: 0,
    errorMs: Number.POSITIVE_INFINITY,
    computedMs: 0,
    links: 0,
    targets: [],
    pieces: [],
  };
}

/** Drops the oldest piece of a copy, which then begins later. Returns it; undefined if there is none. */
function dropOldestPiece(copy: Copy): CopyPiece | undefined {
  const dropped = copy.pieces.shift();
  if (dropped !== undefined) copy.sinceMs = Math.max(copy.sinceMs, dropped.toMs);
  return dropped;
}

function recordBytesOf({ samples, cycles }: CopyPiece): number {
  return samples.length + cycles.length;
}

function bytesOf({ targets, pieces, journal }: Copy): number {
  const kept = pieces.reduce((sum, piece) => sum + PIECE_BYTES + recordBytesOf(piece), 0);
  return COPY_BYTES + targets.length * TARGET_BYTES + kept + journal.bytes;
}

/** The part of a piece after `atMs`. */
function partAfter(piece: CopyPiece, atMs: number): CopyPiece {
  const after = <T extends { atMs: number }>(format: RecordFormat<T>, bytes: Uint8Array) => {
    let start = 0;
    while (start * format.bytes < bytes.length && readRecord(format, bytes, start, piece).result.atMs <= atMs)
      start += 1;
    return bytes.subarray(start * format.bytes);
  };
  return {
    ...piece,
    samples: after(SAMPLE_RECORD, piece.samples),
    cycles: after(CYCLE_RECORD, piece.cycles),
  };
}
