import { boundedTime, DURATION, OK_END, PING_TIME, type PodJson, resultJson } from './check.ts';

/** First size of the room for results that have been put and not taken yet. The room grows if they need more. */
const ROOM_BYTES = 16 * 1024;
/** The most texts of seconds that are kept. The times in one report span few seconds. */
const MAX_SECONDS = 1_000;
const DIGIT_0 = 0x30;
/** The most digits of a duration in ms. */
const MAX_DIGITS = 16;
/** What a ping of a millisecond or more ends with: the duration comes between its two parts. */
const SLOW_END = `${DURATION}${OK_END}`;

/** Where the result of a pod lies in the template, and where in it the value of `PingTime` begins. */
interface Place {
  start: number;
  timeAt: number;
  end: number;
}

/**
 * Collects entries of `podResults` as UTF-8. A mesh of 1000 pods has a million results that are ok, and those of one pod differ
 * only in their times. So each is copied from a template, and its times are written over it. Made of strings, such an answer left
 * 180 MB of garbage.
 */
export class ResultBytes {
  /** `SLOW_END`, the templates, and the results: bytes are copied within one buffer, because that needs no view for each copy. */
  #memory = Buffer.from(SLOW_END);
  readonly #places: Place[] = [];
  /** Where the results begin, and where the next one does. */
  #firstAt = SLOW_END.length;
  #at = SLOW_END.length;
  /** `2026-11-22T14:59:55.` by second. */
  readonly #seconds = new Map<number, Uint8Array>();

  /** Adds a template for `putOk`, and returns its index. Add all of them before anything is put. */
  addTemplate(pod: PodJson): number {
    const start = this.#at;
    const timeAt = start + Buffer.byteLength(`${pod.head}true${PING_TIME}`);
    this.put(resultJson(pod, { outcome: 'ok', pingMs: 0, totalUs: 0, error: '' }));
    this.#firstAt = this.#at;
    return this.#places.push({ start, timeAt, end: this.#at }) - 1;
  }

  /** Bytes that have been put and not taken. */
  get length(): number {
    return this.#at - this.#firstAt;
  }

  /** The bytes that have been put since the last time. They are valid until the next `put`. */
  take(): Uint8Array {
    const taken = this.#memory.subarray(this.#firstAt, this.#at);
    this.#at = this.#firstAt;
    return taken;
  }

  /** Puts an entry as `resultJson` makes it. */
  put(text: string): void {
    this.#reserve(3 * text.length);
    this.#at += this.#memory.write(text, this.#at);
  }

  /** Puts what `resultJson` makes of a ping that was ok, from a template. `pingMs`: ms since the epoch, not negative. */
  putOk(template: number, pingMs: number, totalUs: number): void {
    const place = this.#places[template];
    if (place === undefined) throw new RangeError(`no template ${template}`);
    const { start, timeAt, end } = place;
    this.#reserve(end - start + SLOW_END.length + MAX_DIGITS);
    const timeTo = this.#at + timeAt - start;
    this.#copy(start, end);
    const ms = Math.trunc(totalUs / 1000);
    if (ms > 0) {
      this.#at -= OK_END.length;
      this.#copy(0, DURATION.length);
      this.#putDigits(ms);
      this.#copy(DURATION.length, SLOW_END.length);
    }
    const boundedMs = boundedTime(pingMs);
    const second = Math.floor(boundedMs / 1000);
    // Whole numbers of 32 bits, because V8 makes an object of any other number that it passes on.
    this.#writeTime(timeTo, second, boundedMs - second * 1000);
  }

  #copy(from: number, to: number): void {
    this.#memory.copyWithin(this.#at, from, to);
    this.#at += to - from;
  }

  #putDigits(value: number): void {
    if (value >= 10) this.#putDigits(Math.trunc(value / 10));
    this.#memory[this.#at++] = DIGIT_0 + (value % 10);
  }

  /** As `Date.toISOString`, over the time at `at`. */
  #writeTime(at: number, second: number, ms: number): void {
    let text = this.#seconds.get(second);
    if (text === undefined) {
      if (this.#seconds.size >= MAX_SECONDS) this.#seconds.clear();
      text = Buffer.from(new Date(second * 1000).toISOString().slice(0, 20));
      this.#seconds.set(second, text);
    }
    const memory = this.#memory;
    for (let i = 0; i < text.length; i++) memory[at + i] = text[i] ?? 0;
    memory[at + 20] = DIGIT_0 + Math.trunc(ms / 100);
    memory[at + 21] = DIGIT_0 + (Math.trunc(ms / 10) % 10);
    memory[at + 22] = DIGIT_0 + (ms % 10);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#memory.length) return;
    const larger = Buffer.allocUnsafeSlow(this.#at + bytes + ROOM_BYTES);
    this.#memory.copy(larger, 0, 0, this.#at);
    this.#memory = larger;
  }
}
