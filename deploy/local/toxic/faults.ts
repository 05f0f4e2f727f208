import type { Toxic, ToxicType } from './toxic.ts';

/** Some bytes, and when (monotonic ms) they arrived at their stage. */
export interface Piece {
  data: Buffer;
  atMs: number;
}

/**
 * How a stream ends. `end`: its source sends no more (FIN), the other direction may go on. `close`: the connection is
 * closed. `reset`: the connection is ended by RST.
 */
export type End = 'end' | 'close' | 'reset';

/** What to do with the head of the queue. */
type Step =
  /** Pass on its first `bytes`, which count as having arrived at `atMs`. */
  | { do: 'pass'; bytes: number; atMs: number }
  /** Ask again at this time, monotonic ms. */
  | { do: 'wait'; untilMs: number }
  /** Ask again when something else arrives. */
  | { do: 'hold' }
  /** Drop it. */
  | { do: 'drop' }
  | { do: 'finish'; end: End };

/** The effect of one toxic on one connection. */
export interface Fault {
  /** Decides about `head`: the first piece, the end of the stream, or undefined if nothing can go on now. */
  next(head: Piece | End | undefined, nowMs: number): Step;
  /** The toxic's attributes have changed. */
  changed?(nowMs: number): void;
  /** The toxic is being removed. Returns how the stream must end, if it must. */
  removed?(): End | undefined;
}

/** What a fault is made from. */
interface FaultOptions {
  toxic: Toxic;
  /** Returns [0, 1). */
  random: () => number;
  nowMs: number;
}

const HOLD: Step = { do: 'hold' };

/** Passes everything on. */
export const noFault: Fault = {
  next(head) {
    if (head === undefined) return HOLD;
    if (typeof head === 'string') return { do: 'finish', end: head };
    return { do: 'pass', bytes: head.data.length, atMs: head.atMs };
  },
};

/** A fault that affects only bytes. `decide` gets the first piece. The end of the stream is passed on. */
function onBytes(decide: (piece: Piece, nowMs: number) => Step): Fault {
  return {
    next: (head, nowMs) => (typeof head === 'object' ? decide(head, nowMs) : noFault.next(head, nowMs)),
  };
}

/** Makes the fault of a toxic for one connection. Attributes are those of Toxiproxy's documentation. */
export function faultOf(options: FaultOptions): Fault {
  return FAULTS[options.toxic.type](options);
}

const FAULTS: Record<ToxicType, (options: FaultOptions) => Fault> = {
  noop: () => noFault,
  latency,
  bandwidth,
  slow_close: slowClose,
  timeout,
  reset_peer: resetPeer,
  slicer,
  limit_data: limitData,
};

function attribute(toxic: Toxic, name: string): number {
  return Math.max(0, toxic.attributes[name] ?? 0);
}

/** Delays each piece by `latency` ms, plus or minus up to `jitter` ms. The order of the pieces and the end is kept. */
function latency({ toxic, random }: FaultOptions): Fault {
  let drawnFor: Piece | undefined;
  let draw = 0;
  return onBytes((piece, nowMs) => {
    if (piece !== drawnFor) {
      drawnFor = piece;
      draw = random() * 2 - 1;
    }
    const delayMs = attribute(toxic, 'latency') + draw * attribute(toxic, 'jitter');
    const dueMs = piece.atMs + Math.max(0, delayMs);
    if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
    drawnFor = undefined;
    return { do: 'pass', bytes: piece.data.length, atMs: dueMs };
  });
}

/** Passes at most `rate` KB/s, in slices of a tenth of a second, and nothing at rate 0. */
function bandwidth({ toxic }: FaultOptions): Fault {
  let freeMs = 0;
  return onBytes((piece, nowMs) => {
    const bytesPerMs = attribute(toxic, 'rate');
    if (bytesPerMs === 0) return HOLD;
    const bytes = Math.min(piece.data.length, bytesPerMs * 100);
    const dueMs = Math.max(freeMs, piece.atMs) + bytes / bytesPerMs;
    if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
    // A late timer must not lose bandwidth, and a slow receiver must not save it up.
    freeMs = Math.max(dueMs, nowMs - 100);
    return { do: 'pass', bytes, atMs: dueMs };
  });
}

/** Delays the end by `delay` ms. */
function slowClose({ toxic }: FaultOptions): Fault {
  let endedMs: number | undefined;
  return {
    next(head, nowMs) {
      if (typeof head !== 'string' || head === 'reset') return noFault.next(head, nowMs);
      endedMs ??= nowMs;
      const dueMs = endedMs + attribute(toxic, 'delay');
      return nowMs < dueMs ? { do: 'wait', untilMs: dueMs } : { do: 'finish', end: head };
    },
  };
}

/** Drops everything, and closes the connection after `timeout` ms; never if it is 0. */
function timeout({ toxic, nowMs: startedMs }: FaultOptions): Fault {
  let sinceMs = startedMs;
  return {
    next(head, nowMs) {
      const dueMs = sinceMs + attribute(toxic, 'timeout');
      if (dueMs > sinceMs && nowMs >= dueMs) return { do: 'finish', end: 'close' };
      if (typeof head === 'object') return { do: 'drop' };
      // A closed socket does not wait. Without this, dead connections would stay for ever.
      if (head === 'close' || head === 'reset') return { do: 'finish', end: head };
      return dueMs > sinceMs ? { do: 'wait', untilMs: dueMs } : HOLD;
    },
    changed(nowMs) {
      sinceMs = nowMs;
    },
    // Bytes are missing, so later bytes would be wrong.
    removed: () => 'close',
  };
}

/** Resets the connection `timeout` ms after the first byte. */
function resetPeer({ toxic }: FaultOptions): Fault {
  let firstMs: number | undefined;
  return {
    next(head, nowMs) {
      if (head !== undefined) firstMs ??= nowMs;
      if (firstMs === undefined) return HOLD;
      const dueMs = firstMs + attribute(toxic, 'timeout');
      if (nowMs >= dueMs) return { do: 'finish', end: 'reset' };
      return typeof head === 'object' ? { do: 'drop' } : { do: 'wait', untilMs: dueMs };
    },
    removed: () => (firstMs === undefined ? undefined : 'reset'),
  };
}

/** Cuts the data into pieces of about `average_size` bytes, with `delay` microseconds between them. */
function slicer({ toxic, random }: FaultOptions): Fault {
  let freeMs = 0;
  const fault = onBytes((piece, nowMs) => {
    if (nowMs < freeMs) return { do: 'wait', untilMs: freeMs };
    const size = attribute(toxic, 'average_size');
    const spread = Math.min(attribute(toxic, 'size_variation'), size);
    const bytes = Math.max(1, Math.round(size + (random() * 2 - 1) * spread));
    // Delays that are too short for a timer add up until they are long enough.
    freeMs = Math.max(freeMs, nowMs - 1) + attribute(toxic, 'delay') / 1000;
    return { do: 'pass', bytes: Math.min(bytes, piece.data.length), atMs: nowMs };
  });
  const changed = () => {
    freeMs = 0;
  };
  return { ...fault, changed };
}

/** Closes the connection after `bytes` bytes. */
function limitData({ toxic }: FaultOptions): Fault {
  let sent = 0;
  return {
    next(head, nowMs) {
      const left = attribute(toxic, 'bytes') - sent;
      if (typeof head === 'string') return { do: 'finish', end: head };
      if (left <= 0 && (sent > 0 || head !== undefined)) return { do: 'finish', end: 'close' };
      if (head === undefined) return HOLD;
      const bytes = Math.min(left, head.data.length);
      sent += bytes;
      return { do: 'pass', bytes, atMs: nowMs };
    },
  };
}
