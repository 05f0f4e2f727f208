import type { Toxic, ToxicType } from './toxic.ts';

/** Some bytes under way, and when (monotonic ms) they came to where they are. */
export interface Piece {
  data: Buffer;
  atMs: number;
}

/**
 * How a stream is over. `end`: its source will send no more (FIN), the other way may go on. `close`: the connection is
 * done with. `reset`: the connection is to end by RST.
 */
export type End = 'end' | 'close' | 'reset';

/** What is to be done with what stands first in line. */
type Step =
  /** Hand on its first `bytes`; they count as having come at `atMs`. */
  | { do: 'pass'; bytes: number; atMs: number }
  /** Ask again then, monotonic ms. */
  | { do: 'wait'; untilMs: number }
  /** Ask again when something else comes. */
  | { do: 'hold' }
  /** Throw it away. */
  | { do: 'drop' }
  | { do: 'finish'; end: End };

/** One toxic at work on one connection. */
export interface Fault {
  /** What to do with `head`: the first piece, the end of the stream, or undefined where nothing can go on now. */
  next(head: Piece | End | undefined, nowMs: number): Step;
  /** Its attributes have changed. */
  changed?(nowMs: number): void;
  /** It is being removed; gives how the stream has to end for that, if it has to. */
  removed?(): End | undefined;
}

/** What a fault is made from. */
interface FaultSeams {
  toxic: Toxic;
  /** Gives [0, 1). */
  random: () => number;
  nowMs: number;
}

const HOLD: Step = { do: 'hold' };

/** Hands everything on. */
export const passing: Fault = {
  next(head) {
    if (head === undefined) return HOLD;
    if (typeof head === 'string') return { do: 'finish', end: head };
    return { do: 'pass', bytes: head.data.length, atMs: head.atMs };
  },
};

/** Puts a toxic to work on one connection. Delays are those of Toxiproxy's documentation, ms unless said otherwise. */
export function faultOf(seams: FaultSeams): Fault {
  return MAKERS[seams.toxic.type](seams);
}

const MAKERS: Record<ToxicType, (seams: FaultSeams) => Fault> = {
  noop: () => passing,
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

/** Each piece as much later as it says, give or take the jitter; order is kept, and the end comes after the last. */
function latency({ toxic, random }: FaultSeams): Fault {
  let drawnFor: Piece | undefined;
  let draw = 0;
  return {
    next(head, nowMs) {
      if (head === undefined || typeof head === 'string') return passing.next(head, nowMs);
      if (head !== drawnFor) {
        drawnFor = head;
        draw = random() * 2 - 1;
      }
      const delayMs = attribute(toxic, 'latency') + draw * attribute(toxic, 'jitter');
      const dueMs = head.atMs + Math.max(0, delayMs);
      if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
      drawnFor = undefined;
      return { do: 'pass', bytes: head.data.length, atMs: dueMs };
    },
  };
}

/** At most `rate` KB/s, in slices of a tenth of a second; nothing at all at rate 0. */
function bandwidth({ toxic }: FaultSeams): Fault {
  let freeMs = 0;
  return {
    next(head, nowMs) {
      if (head === undefined || typeof head === 'string') return passing.next(head, nowMs);
      const bytesPerMs = attribute(toxic, 'rate');
      if (bytesPerMs === 0) return HOLD;
      const bytes = Math.min(head.data.length, bytesPerMs * 100);
      const dueMs = Math.max(freeMs, head.atMs) + bytes / bytesPerMs;
      if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
      // A timer that was late must not cost bandwidth, a stalled receiver must not save it up.
      freeMs = Math.max(dueMs, nowMs - 100);
      return { do: 'pass', bytes, atMs: dueMs };
    },
  };
}

/** The end `delay` later. */
function slowClose({ toxic }: FaultSeams): Fault {
  let endedMs: number | undefined;
  return {
    next(head, nowMs) {
      if (typeof head !== 'string' || head === 'reset') return passing.next(head, nowMs);
      endedMs ??= nowMs;
      const dueMs = endedMs + attribute(toxic, 'delay');
      return nowMs < dueMs ? { do: 'wait', untilMs: dueMs } : { do: 'finish', end: head };
    },
  };
}

/** Nothing gets through, and the connection is closed after `timeout`; never at 0. */
function timeout({ toxic, nowMs: startedMs }: FaultSeams): Fault {
  let sinceMs = startedMs;
  return {
    next(head, nowMs) {
      const dueMs = sinceMs + attribute(toxic, 'timeout');
      if (dueMs > sinceMs && nowMs >= dueMs) return { do: 'finish', end: 'close' };
      if (typeof head === 'object') return { do: 'drop' };
      // Somebody who has closed is not waiting; holding on to that would keep dead connections for ever.
      if (head === 'close' || head === 'reset') return { do: 'finish', end: head };
      return dueMs > sinceMs ? { do: 'wait', untilMs: dueMs } : HOLD;
    },
    changed(nowMs) {
      sinceMs = nowMs;
    },
    // Bytes are missing: whatever came now would be wrong.
    removed: () => 'close',
  };
}

/** RST `timeout` after the first byte. */
function resetPeer({ toxic }: FaultSeams): Fault {
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

/** Pieces of about `average_size` bytes, with `delay` MICROseconds between them. */
function slicer({ toxic, random }: FaultSeams): Fault {
  let freeMs = 0;
  return {
    next(head, nowMs) {
      if (head === undefined || typeof head === 'string') return passing.next(head, nowMs);
      if (nowMs < freeMs) return { do: 'wait', untilMs: freeMs };
      const size = attribute(toxic, 'average_size');
      const spread = Math.min(attribute(toxic, 'size_variation'), size);
      const bytes = Math.max(1, Math.round(size + (random() * 2 - 1) * spread));
      // Delays below what a timer can tell add up until it can.
      freeMs = Math.max(freeMs, nowMs - 1) + attribute(toxic, 'delay') / 1000;
      return { do: 'pass', bytes: Math.min(bytes, head.data.length), atMs: nowMs };
    },
    changed() {
      freeMs = 0;
    },
  };
}

/** Closes the connection once `bytes` have gone through. */
function limitData({ toxic }: FaultSeams): Fault {
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
