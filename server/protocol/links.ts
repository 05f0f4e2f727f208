import { OUTCOMES, type Outcome, PHASES, type Phase } from './sample.ts';

/**
 * A duration in 16 bits: a 4-bit exponent over a 12-bit mantissa, as a float without sign. Whole numbers below 8192 are
 * exact, beyond them the error is at most 1 in 8192 (0.012 %), the largest is 8190 * 2^14 (134 s in us, 37 h in ms).
 * That keeps a mesh of 1000 pods at 14 bytes a link, and is finer than any clock we read.
 */

/** "There is no such figure": not connected, never probed. */
export const NONE16 = 0xffff;

/** The largest duration that fits, in the unit it was packed in. */
export const MAX16 = 8190 * 2 ** 14;

/** Packs a duration (any unit, >= 0); negative or not a number gives `NONE16`, too large gives the largest. */
export function pack16(duration: number): number {
  if (!(duration >= 0)) return NONE16;
  const whole = Math.round(Math.min(duration, MAX16));
  if (whole < 4096) return whole;
  let exponent = Math.max(1, 20 - Math.clz32(whole));
  let mantissa = Math.round(whole / 2 ** (exponent - 1));
  if (mantissa > 8191) {
    exponent += 1;
    mantissa = 4096;
  }
  const packed = (exponent << 12) | (mantissa - 4096);
  return packed >= NONE16 ? NONE16 - 1 : packed;
}

/** Gives back what `pack16` packed; -1 for `NONE16`. */
export function unpack16(packed: number): number {
  if (packed === NONE16) return -1;
  const exponent = packed >> 12;
  const mantissa = packed & 0xfff;
  // A shift: the largest has 27 bits, and a power takes ten times as long.
  return exponent === 0 ? mantissa : (mantissa + 4096) << (exponent - 1);
}

/** What newer browsers have; TypeScript does not know it yet. */
interface Base64Bytes {
  setFromBase64?(text: string): { read: number; written: number };
}

/** Base64 of the bytes of a typed array (little-endian, as every platform that Node and browsers run on). */
export function toBase64(array: Uint8Array | Uint16Array): string {
  const { buffer, byteOffset, byteLength } = array;
  // Node's own way takes a tenth of the time, and a mesh of 1000 pods is 10 000 columns.
  if (typeof Buffer === 'function') return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

/** Writes the bytes of a base64 text into `bytes`. Throws a RangeError unless it decodes to exactly as many. */
export function readBase64(text: string, bytes: Uint8Array): void {
  const quads = Math.ceil(bytes.length / 3);
  const missing = quads * 3 - bytes.length;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (text.length !== quads * 4 || padding !== missing || decodeInto(text, bytes) !== bytes.length) {
    throw new RangeError(`${text.length} characters that are not ${bytes.length} bytes in base64`);
  }
}

/** Decodes by the fastest way there is; gives how many bytes there were, -1 where it is not base64. */
function decodeInto(text: string, bytes: Uint8Array & Base64Bytes): number {
  try {
    if (bytes.setFromBase64 !== undefined) {
      const { read, written } = bytes.setFromBase64(text);
      return read === text.length ? written : -1;
    }
    // Skips what is no base64, and so comes to fewer bytes.
    if (typeof Buffer === 'function') {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, 'base64');
    }
    const binary = atob(text);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return binary.length;
  } catch {
    return -1;
  }
}

/** `flags` of a link: the probe went over IPv6. */
export const FLAG_IPV6 = 1;
/** `flags` of a link: its newest sample was taken while the reporting process was starved. */
export const FLAG_SUSPECT = 2;
/** `flags` of a link: it is to be probed, but no sample has come in yet; every other column is without meaning. */
export const FLAG_NOT_YET = 4;
/** `flags` of a link: bits 3-4 hold 1 + the index in `PHASES` in which a failed probe ended, 0 = none. */
const PHASE_SHIFT = 3;

/**
 * The links of one pod in columns: entry i of every column is about the same link. A pair of pods that is in no column
 * was not probed (PING_NUMBER). With both IP families probed, a pair has two entries.
 * Durations are packed by `pack16`: `...Us` in us, `...Ms` in ms.
 *
 * Outcome and phases are the *judged* ones: those of the newest sample that may be trusted. A starved sample alone
 * changes only FLAG_SUSPECT.
 */
export interface LinkColumns {
  length: number;
  /** Index of the probed pod in the `peers` table that these links came with. */
  to: Uint16Array;
  flags: Uint8Array;
  /** Index in `OUTCOMES`. */
  outcome: Uint8Array;
  connectUs: Uint16Array;
  firstByteUs: Uint16Array;
  totalUs: Uint16Array;
  /** How old the newest sample was when the report was made. */
  ageMs: Uint16Array;
  /** How long the link had been in its present state (ok, or failing in whatever way) when the report was made. */
  sinceMs: Uint16Array;
}

/** What the samples of a window came to, one entry a link; asked for by `window`. Percentiles are over ok samples. */
export interface StatColumns {
  /** Probes in the window; 65535 stands for more, too. */
  samples: Uint16Array;
  /** Those of them that were taken while the reporting process was starved; 0 from an older version. */
  suspect: Uint16Array;
  /** Those of them that failed. Suspect ones count only if there are no others. */
  failures: Uint16Array;
  minUs: Uint16Array;
  p50Us: Uint16Array;
  p95Us: Uint16Array;
  maxUs: Uint16Array;
  /** Medians of the phases. */
  connectP50Us: Uint16Array;
  firstByteP50Us: Uint16Array;
}

/** The most links that a report may have: 65535 pods is more than Kubernetes supports (5000 nodes, 150 000 pods). */
export const MAX_LINKS = 65_535;

/** Reading and writing order of the columns on the wire, with bytes an entry. */
const LINK_COLUMNS = {
  to: 2,
  flags: 1,
  outcome: 1,
  connectUs: 2,
  firstByteUs: 2,
  totalUs: 2,
  ageMs: 2,
  sinceMs: 2,
} as const;

/** As `LINK_COLUMNS`, for the columns of a window. */
const STAT_COLUMNS = {
  samples: 2,
  suspect: 2,
  failures: 2,
  minUs: 2,
  p50Us: 2,
  p95Us: 2,
  maxUs: 2,
  connectP50Us: 2,
  firstByteP50Us: 2,
} as const;

/** Columns for `length` links, all zero. */
export function emptyLinks(length: number): LinkColumns {
  return linksIn(new ArrayBuffer(LINK_BYTES * length), 0, length);
}

/** Columns of a window for `length` links, all zero. */
export function emptyStats(length: number): StatColumns {
  return statsIn(new ArrayBuffer(STAT_BYTES * length), 0, length);
}

/** Bytes that the columns of one link, or of one link's window, take. */
export const LINK_BYTES = Object.values(LINK_COLUMNS).reduce((sum, width) => sum + width, 0);
export const STAT_BYTES = Object.values(STAT_COLUMNS).reduce((sum, width) => sum + width, 0);

/**
 * Links whose columns lie side by side in `buffer` from byte `start` on (an even number): wide ones first, as they must
 * lie on even bytes. Takes the buffer, does not copy it. One buffer a report, because a thousand reports are handed from a
 * worker to the page; written out, because that is done for each of them.
 */
export function linksIn(buffer: ArrayBuffer, start: number, length: number): LinkColumns {
  const wide = (i: number) => new Uint16Array(buffer, start + 2 * length * i, length);
  const narrow = (i: number) => new Uint8Array(buffer, start + 12 * length + length * i, length);
  return {
    length,
    to: wide(0),
    flags: narrow(0),
    outcome: narrow(1),
    connectUs: wide(1),
    firstByteUs: wide(2),
    totalUs: wide(3),
    ageMs: wide(4),
    sinceMs: wide(5),
  };
}

/** As `linksIn`, for the columns of a window, in the order of `STAT_COLUMNS`. */
export function statsIn(buffer: ArrayBuffer, start: number, length: number): StatColumns {
  const columns: Record<string, Uint16Array> = {};
  let at = start;
  for (const [name, width] of Object.entries(STAT_COLUMNS)) {
    columns[name] = new Uint16Array(buffer, at, length);
    at += width * length;
  }
  return columns as unknown as StatColumns;
}

/** Outcome of link `i`; `ok` has index 0. */
export function outcomeOf(links: LinkColumns, i: number): Outcome {
  return OUTCOMES[links.outcome[i] ?? 0] ?? 'malformed';
}

/** The phase in which link `i` failed; null where it did not. */
export function phaseOf(links: LinkColumns, i: number): Phase | null {
  return PHASES[(((links.flags[i] ?? 0) >> PHASE_SHIFT) & 3) - 1] ?? null;
}

/** The `flags` value for a failure in `phase`, to be or-ed with the others. */
export function phaseFlag(phase: Phase | null): number {
  return (phase === null ? 0 : PHASES.indexOf(phase) + 1) << PHASE_SHIFT;
}

/**
 * A JSON-ready copy of columns: `length` and each column as base64 of little-endian bytes. A number stands for a whole
 * column: the value of all entries, or in `to` the first of consecutive indexes. Those in `without` are left out.
 */
export function encodeColumns(
  columns: object,
  length: number,
  without?: ReadonlySet<string>,
): Record<string, string | number> {
  const wire: Record<string, string | number> = { length };
  for (const [name, column] of columnsOf(columns)) {
    if (without?.has(name) !== true)
      wire[name] = isSteady(column, name === 'to' ? 1 : 0) ? (column[0] ?? 0) : toBase64(column);
  }
  return wire;
}

/** The typed arrays of an object by name. */
function columnsOf(columns: object): [name: string, column: Uint8Array | Uint16Array][] {
  return Object.entries(columns).filter(([, column]) => column instanceof Uint8Array || column instanceof Uint16Array);
}

/** Whether each entry is `step` more than the one before. */
function isSteady(column: Uint8Array | Uint16Array, step: 0 | 1): boolean {
  for (let i = 1; i < column.length; i++) if (column[i] !== (column[i - 1] ?? 0) + step) return false;
  return column.length > 0;
}

/**
 * Validates and decodes links from another process. `peerCount` bounds `to`.
 * Throws a RangeError or TypeError that says what is wrong.
 */
export function decodeLinks(wire: unknown, peerCount: number): LinkColumns {
  const length = lengthOf(wire);
  const links = emptyLinks(length);
  decodeColumns(wire, links);
  for (let i = 0; i < length; i++) {
    if ((links.to[i] ?? 0) >= peerCount) throw new RangeError(`link ${i} leads to peer ${links.to[i]} of ${peerCount}`);
    if ((links.outcome[i] ?? 0) >= OUTCOMES.length) throw new RangeError(`link ${i} has outcome ${links.outcome[i]}`);
  }
  return links;
}

/** As `decodeLinks`, for the columns of a window. `length` is that of the links they belong to. */
export function decodeStats(wire: unknown, length: number): StatColumns {
  if (lengthOf(wire) !== length) throw new RangeError('stats are of another length than the links');
  const stats = emptyStats(length);
  decodeColumns(wire, stats);
  return stats;
}

function lengthOf(wire: unknown): number {
  const length = (wire as { length?: unknown } | null)?.length;
  if (!Number.isInteger(length) || (length as number) < 0 || (length as number) > MAX_LINKS) {
    throw new TypeError('links without a valid length');
  }
  return length as number;
}

/** What stands for columns that older versions or the stream do not tell. */
const LATER_COLUMNS: Readonly<Record<string, number>> = {
  suspect: 0,
  minUs: NONE16,
  connectP50Us: NONE16,
  firstByteP50Us: NONE16,
};

/** Fills `columns` from the wire. Throws a RangeError or TypeError that says what is wrong. */
export function decodeColumns(wire: unknown, columns: object): void {
  for (const [name, column] of columnsOf(columns)) {
    const value = (wire as Record<string, unknown>)[name] ?? LATER_COLUMNS[name];
    if (typeof value === 'string') {
      readBase64(value, new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    } else if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= NONE16) {
      fillSteady(column, value as number, name === 'to' ? 1 : 0);
    } else throw new TypeError(`links without column ${name}`);
  }
}

function fillSteady(column: Uint8Array | Uint16Array, first: number, step: 0 | 1): void {
  if (step === 0) column.fill(first);
  else for (let i = 0; i < column.length; i++) column[i] = first + i;
}
