import type { Toxic, ToxicType } from './toxic.ts';

/** Some bytes, and when (monotonic ms) they came from their socket, or left the last latency toxic. */
export interface Piece {
  data: Buffer;
  atMs: number;
}

/** What to do with the piece that waits longest, or with the end of the stream. */
export type Step =
  /** Pass on its first `bytes` (without: all of it). `atMs` replaces its time, and `isLast` ends the stream after it. */
  | { do: 'pass'; bytes?: number; atMs?: number; isLast?: boolean }
  | { do: 'drop' }
  /** Decide again at this time, monotonic ms, or when something changes. */
  | { do: 'wait'; untilMs: number }
  /** End the stream here, and drop what waits. With `isReset` both ends of the connection get RST. */
  | { do: 'end'; isReset?: boolean }
  /** Let another fault decide from now on, whatever happens to the toxic. */
  | { do: 'become'; fault: Fault };

/**
 * Decides what one toxic does to one connection. `head` is the piece that waits longest, `end` if the source has ended and
 * no piece waits, or undefined if there is neither, or no room for it in the next stage.
 */
export type Fault = (head: Piece | 'end' | undefined, nowMs: number) => Step;

/** What a fault is made from. It is made again when its toxic is changed. */
interface FaultOptions {
  toxic: Toxic;
  random: () => number;
  nowMs: number;
  /** What stays of one connection when the toxic is changed: how many bytes `limit_data` has passed. */
  state: { passedBytes: number };
}

/** Wait until something changes. */
const HOLD: Step = { do: 'wait', untilMs: Number.POSITIVE_INFINITY };

/** A fault that passes the end on, and decides about pieces only. Without `decide` pieces pass, too. */
function onPieces(decide: (piece: Piece, nowMs: number) => Step = () => ({ do: 'pass' })): Fault {
  return (head, nowMs) => {
    if (head === undefined) return HOLD;
    return head === 'end' ? { do: 'end' } : decide(head, nowMs);
  };
}

/** Makes the fault of a toxic for one connection: Toxiproxy's, in the attributes, the times and the order of events. */
export function faultOf(options: FaultOptions): Fault {
  if (options.random() >= options.toxic.toxicity) return onPieces();
  return FAULTS[options.toxic.type](options);
}

const FAULTS: Record<ToxicType, (options: FaultOptions) => Fault> = {
  noop: () => onPieces(),
  latency,
  bandwidth,
  slow_close: slowClose,
  timeout,
  reset_peer: resetPeer,
  slicer,
  limit_data: limitData,
};

/** An attribute of a toxic; a negative number counts as 0. */
function attribute(toxic: Toxic, name: string): number {
  return Math.max(0, toxic.attributes[name] ?? 0);
}

/** Delays each piece by `latency` ms, plus or minus up to `jitter` ms. The order of the pieces and the end is kept. */
function latency({ toxic, random }: FaultOptions): Fault {
  let dueMs: number | undefined;
  const delayMs = () => attribute(toxic, 'latency') + (random() * 2 - 1) * attribute(toxic, 'jitter');
  return onPieces((piece, nowMs) => {
    dueMs ??= piece.atMs + Math.max(0, delayMs());
    if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
    const atMs = dueMs;
    dueMs = undefined;
    return { do: 'pass', atMs };
  });
}

/** Passes at most `rate` KB/s, in slices of a tenth of a second, and nothing at rate 0. */
function bandwidth({ toxic }: FaultOptions): Fault {
  let freeMs = 0;
  return onPieces((piece, nowMs) => {
    const bytesPerMs = attribute(toxic, 'rate'); // 1 KB/s is 1 byte per ms.
    if (bytesPerMs === 0) return HOLD;
    const bytes = Math.min(piece.data.length, bytesPerMs * 100);
    const dueMs = Math.max(freeMs, piece.atMs) + bytes / bytesPerMs;
    if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
    // A late timer must not lose bandwidth, and a slow receiver must not save it up.
    freeMs = Math.max(dueMs, nowMs - 100);
    return { do: 'pass', bytes };
  });
}

/** Delays the end by `delay` ms. */
function slowClose({ toxic }: FaultOptions): Fault {
  let endedMs: number | undefined;
  return (head, nowMs) => {
    if (head !== 'end') return head ? { do: 'pass' } : HOLD;
    endedMs ??= nowMs;
    const dueMs = endedMs + attribute(toxic, 'delay');
    return nowMs < dueMs ? { do: 'wait', untilMs: dueMs } : { do: 'end' };
  };
}

/** Drops everything, and ends the stream when nothing has come for `timeout` ms; never if it is 0. */
function timeout({ toxic, nowMs: madeMs }: FaultOptions): Fault {
  let sinceMs = madeMs;
  return (head, nowMs) => {
    if (head === 'end') return { do: 'end' };
    if (head) {
      sinceMs = nowMs; // Toxiproxy starts to count again with each piece.
      return { do: 'drop' };
    }
    const timeoutMs = attribute(toxic, 'timeout');
    if (timeoutMs === 0) return HOLD;
    const dueMs = sinceMs + timeoutMs;
    return nowMs < dueMs ? { do: 'wait', untilMs: dueMs } : { do: 'end' };
  };
}

/** Resets the connection `timeout` ms after the first byte or the end. */
function resetPeer({ toxic }: FaultOptions): Fault {
  return (head, nowMs) => {
    if (head === undefined) return HOLD;
    const dueMs = nowMs + attribute(toxic, 'timeout');
    const fault: Fault = (_, laterMs) =>
      laterMs < dueMs ? { do: 'wait', untilMs: dueMs } : { do: 'end', isReset: true };
    return { do: 'become', fault };
  };
}

/** Cuts pieces into slices of about `average_size` bytes, with `delay` microseconds after each. */
function slicer({ toxic, random }: FaultOptions): Fault {
  let freeMs = 0;
  let sizes: number[] = [];
  return (head, nowMs) => {
    if (head === undefined) return HOLD;
    if (nowMs < freeMs) return { do: 'wait', untilMs: freeMs };
    if (head === 'end') return { do: 'end' };
    if (sizes.length === 0) {
      const [average, variation] = [attribute(toxic, 'average_size'), attribute(toxic, 'size_variation')];
      sizes = sliceSizes(head.data.length, average, variation, random);
    }
    // Delays that are too short for a timer add up until they are long enough.
    freeMs = Math.max(freeMs, nowMs - 1) + attribute(toxic, 'delay') / 1000;
    return { do: 'pass', bytes: sizes.shift() ?? 1 };
  };
}

/** As Toxiproxy cuts: halves, plus or minus the variation, until a slice is at most average and variation together. */
function sliceSizes(bytes: number, average: number, variation: number, random: () => number): number[] {
  if (bytes <= 1 || bytes - average <= variation) return [bytes];
  const middle = Math.floor(bytes / 2) + Math.floor((random() * 2 - 1) * variation);
  const left = Math.min(Math.max(middle, 1), bytes - 1);
  const halves = [left, bytes - left];
  return halves.flatMap((half) => sliceSizes(half, average, variation, random));
}

/** Ends the stream after `bytes` bytes. */
function limitData({ toxic, state }: FaultOptions): Fault {
  return onPieces(({ data }) => {
    const leftBytes = attribute(toxic, 'bytes') - state.passedBytes;
    if (leftBytes <= 0) return { do: 'end' };
    const bytes = Math.min(leftBytes, data.length);
    state.passedBytes += bytes;
    return { do: 'pass', bytes, isLast: bytes === leftBytes };
  });
}
