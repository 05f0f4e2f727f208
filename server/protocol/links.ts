import { OUTCOMES, type Outcome, PHASES, type Phase } from './sample.ts';
import * as v from './validators.ts';

/*
 * Durations are packed into 16 bits: an exponent of 4 bits and a mantissa of 12 bits, like a float without sign. Integers
 * below 8192 are exact, larger ones have an error of at most 1 in 8192, and the largest is 8190 * 2^14 (134 s in us, 37 h in ms).
 */

/** The packed value for "not measured": not connected, never probed. */
export const NONE16 = 0xffff;

/** The largest duration that can be packed, in the unit of the caller. */
export const MAX16 = 8190 * 2 ** 14;

/** Packs a duration in any unit. A negative one or NaN becomes `NONE16`, one that is too large becomes `MAX16`. */
export function pack16(duration: number): number {
  if (!(duration >= 0)) return NONE16;
  const whole = Math.round(Math.min(duration, MAX16));
  if (whole < 4096) return whole;
  let exponent = 20 - Math.clz32(whole);
  let mantissa = Math.round(whole / 2 ** (exponent - 1));
  if (mantissa > 8191) {
    exponent += 1;
    mantissa = 4096;
  }
  return (exponent << 12) | (mantissa - 4096);
}

/** Unpacks a duration that `pack16` packed; -1 for `NONE16`. */
export function unpack16(packed: number): number {
  if (packed === NONE16) return -1;
  const exponent = packed >> 12;
  const mantissa = packed & 0xfff;
  // The result has at most 27 bits, so it can be shifted; a power would take ten times as long.
  return exponent === 0 ? mantissa : (mantissa + 4096) << (exponent - 1);
}

/** `Uint8Array.prototype.setFromBase64`: newer browsers have it, TypeScript does not know it yet. */
interface Base64Bytes {
  setFromBase64?(text: string): { read: number; written: number };
}

/** Encodes the little-endian bytes of a typed array, on the server only. */
export function toBase64({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/** How many bytes a base64 text has; not a whole number if it is none. */
export function base64Length(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** Decodes a base64 text into `bytes`. Throws a RangeError unless the text has exactly as many bytes. */
export function readBase64(text: string, bytes: Uint8Array): void {
  if (base64Length(text) !== bytes.length || decodeInto(text, bytes) !== bytes.length) {
    throw new RangeError(`${text.length} characters are not ${bytes.length} bytes in base64`);
  }
}

/** Decodes in the fastest way that the platform has. Returns the number of bytes, or -1 if the text is not base64. */
function decodeInto(text: string, bytes: Uint8Array & Base64Bytes): number {
  try {
    if (bytes.setFromBase64 !== undefined) {
      const { read, written } = bytes.setFromBase64(text);
      return read === text.length ? written : -1;
    }
    // Buffer skips characters that are not base64; the number of bytes is then smaller.
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
/** `flags` of a link: its newest sample was taken while the reporting process was short of CPU. */
export const FLAG_SUSPECT = 2;
/** `flags` of a link: it has no sample yet, or none new enough for a mesh of the past. Its other columns mean nothing. */
export const FLAG_NOT_YET = 4;
/** `flags` of a link: bits 3-4 hold 1 + the index in `PHASES` in which a failed probe ended, 0 = none. */
const PHASE_SHIFT = 3;
/** `flags` of a link: it is slow, by several samples in a row (SLOW_RUN). */
export const FLAG_SLOW = 32;
/** `flags` of a link: it fails now and then (INTERMITTENT). */
export const FLAG_INTERMITTENT = 64;
/** `flags` of a link: it is ok now and failed a few samples ago (INTERMITTENT.goodRun); `sinceMs` counts from its recovery. */
export const FLAG_RECOVERED = 128;

/** The most links of a report, and the most pods of a mesh: an index has 16 bits. Kubernetes supports no more than 5000 nodes. */
export const MAX_LINKS = 65_535;

/** The types of columns by name. In memory they follow each other in this order, those of two bytes first: they need even places. */
type ColumnTypes = Readonly<Record<string, Uint16ArrayConstructor | Uint8ArrayConstructor>>;
export type ColumnsOf<T extends ColumnTypes> = {
  [K in keyof T]: T[K] extends Uint16ArrayConstructor ? Uint16Array : Uint8Array;
};

/** Bytes per link. */
export function bytesOf(types: ColumnTypes): number {
  return Object.values(types).reduce((sum, { BYTES_PER_ELEMENT }) => sum + BYTES_PER_ELEMENT, 0);
}

/**
 * Makes columns for `length` links in `buffer`, which is not copied, from byte `start` on (an even number). A report has one
 * buffer, because a thousand reports are transferred from a worker to the page.
 */
export function columnsIn<T extends ColumnTypes>(
  types: T,
  buffer: ArrayBuffer,
  start: number,
  length: number,
): ColumnsOf<T> {
  const columns: Record<string, Uint16Array | Uint8Array> = {};
  let at = start;
  for (const [name, Column] of Object.entries(types)) {
    columns[name] = new Column(buffer, at, length);
    at += Column.BYTES_PER_ELEMENT * length;
  }
  return columns as ColumnsOf<T>;
}

/** Makes columns for `length` links, all zero. */
export function emptyColumns<T extends ColumnTypes>(types: T, length: number): ColumnsOf<T> {
  return columnsIn(types, new ArrayBuffer(bytesOf(types) * length), 0, length);
}

/**
 * The links of one pod. A pod without an entry was not probed (PING_NUMBER). If both IP families are probed, a pod has two
 * entries. Durations are packed by `pack16`: `...Us` in us, `...Ms` in ms.
 *
 * Outcome, phase and durations are those of the sample that stands for the link: the newest one that was believed (see
 * `results/judgement.ts`). A suspect sample alone changes only FLAG_SUSPECT.
 */
const LINK_COLUMNS = {
  /** Index of the probed pod in the `peers` table that these links came with. */
  to: Uint16Array,
  /** If the ping used an open connection, this is the connect time of the link's last new one. */
  connectUs: Uint16Array,
  firstByteUs: Uint16Array,
  totalUs: Uint16Array,
  /** How long before the report a sample last showed the link in its present state. */
  ageMs: Uint16Array,
  /** How long the link had been ok, or failing in whatever way, when the report was made. */
  sinceMs: Uint16Array,
  flags: Uint8Array,
  /** Index in `OUTCOMES`. */
  outcome: Uint8Array,
} as const;

export type LinkColumns = ColumnsOf<typeof LINK_COLUMNS> & { length: number };
export const LINK_BYTES = bytesOf(LINK_COLUMNS);

/** Statistics of the samples in a window (query parameter `window`). Durations are over `ok` samples. */
export const STAT_COLUMNS = {
  /** Probes in the window; 65535 = that many or more. */
  samples: Uint16Array,
  /** Those of them that were taken while the reporting process was short of CPU. */
  suspect: Uint16Array,
  /** Those of them that failed. Suspect samples count only if there are no others. */
  failures: Uint16Array,
  minUs: Uint16Array,
  p50Us: Uint16Array,
  p95Us: Uint16Array,
  maxUs: Uint16Array,
  /** Medians of the phases. */
  connectP50Us: Uint16Array,
  firstByteP50Us: Uint16Array,
  /** See `Jitter`; NONE16 without two answers, where samples are no longer kept one by one. */
  jitterUs: Uint16Array,
  /** The usual latency of the link, whatever the window is: see `USUAL`. NONE16 while it is not known. */
  usualUs: Uint16Array,
} as const;

/** Statistics that the stream leaves out: no page shows them, and a thousand reports have 6 MB of them. */
export const UNSENT: ReadonlySet<string> = new Set([
  'minUs',
  'connectP50Us',
  'firstByteP50Us',
] satisfies (keyof StatColumns)[]);

export type StatColumns = ColumnsOf<typeof STAT_COLUMNS>;
export const STAT_BYTES = bytesOf(STAT_COLUMNS);

/** Makes columns for `length` links, all zero. */
export function emptyLinks(length: number): LinkColumns {
  return linksIn(new ArrayBuffer(LINK_BYTES * length), 0, length);
}

export function emptyStats(length: number): StatColumns {
  return emptyColumns(STAT_COLUMNS, length);
}

export function linksIn(buffer: ArrayBuffer, start: number, length: number): LinkColumns {
  return { length, ...columnsIn(LINK_COLUMNS, buffer, start, length) };
}

/** The outcome of link `i`. */
export function outcomeOf(links: LinkColumns, i: number): Outcome {
  return OUTCOMES[links.outcome[i] ?? 0] ?? 'malformed';
}

/** The phase in which link `i` failed; null if it did not. */
export function phaseOf(links: LinkColumns, i: number): Phase | null {
  const code = ((links.flags[i] ?? 0) >> PHASE_SHIFT) & 3;
  // Reading an array at -1 is slow.
  return code === 0 ? null : (PHASES[code - 1] ?? null);
}

/** The bits of `flags` for a failure in `phase`. */
export function phaseFlag(phase: Phase | null): number {
  return (phase === null ? 0 : PHASES.indexOf(phase) + 1) << PHASE_SHIFT;
}

/**
 * Converts columns to JSON: `length`, and each column as base64 of its little-endian bytes, or as one number if all its entries
 * are the same (for `to`: consecutive). The columns in `without` are left out.
 */
export function encodeColumns(columns: object, without?: ReadonlySet<string>): Record<string, string | number> {
  const wire: Record<string, string | number> = {};
  for (const [name, column] of columnsOf(columns)) {
    wire['length'] = column.length;
    if (without?.has(name) !== true)
      wire[name] = isRegular(column, name === 'to' ? 1 : 0) ? (column[0] ?? 0) : toBase64(column);
  }
  return wire;
}

/** The typed arrays of an object by name. */
function columnsOf(columns: object): [name: string, column: Uint8Array | Uint16Array][] {
  return Object.entries(columns).filter(([, column]) => column instanceof Uint8Array || column instanceof Uint16Array);
}

/** Whether each entry is larger than the one before by `step`. */
function isRegular(column: Uint8Array | Uint16Array, step: 0 | 1): boolean {
  for (let i = 1; i < column.length; i++) if (column[i] !== (column[i - 1] ?? 0) + step) return false;
  return column.length > 0;
}

/** `to` of an invalid link of another pod's report: the index of no peer, because `decodeLinks` takes at most `MAX_LINKS` of them. */
const NOBODY = 0xffff;

/**
 * Validates and decodes the links of a report from another process. Throws a RangeError or TypeError. With `skipped`, a single link
 * that is invalid leads to no peer and is counted there.
 */
export function decodeLinks(wire: unknown, peerCount: number, skipped?: v.Skipped): LinkColumns {
  const length = lengthOf(wire);
  if (peerCount > MAX_LINKS) throw new RangeError(`${peerCount} peers, present and gone`);
  // A column of equal entries is one number on the wire, so that 1 kB could claim 65,535 links, which take 2 MB.
  if (length > 2 * peerCount) throw new RangeError(`${length} links to ${peerCount} peers`);
  const links = emptyLinks(length);
  decodeColumns(wire, links);
  for (let i = 0; i < length; i++) {
    const [to = 0, outcome = 0] = [links.to[i], links.outcome[i]];
    if (to < peerCount && outcome < OUTCOMES.length) continue;
    const error = new RangeError(`link ${i}: peer ${to} of ${peerCount}, outcome ${outcome}`);
    if (skipped === undefined) throw error;
    v.skip(error, skipped);
    links.to[i] = NOBODY;
    links.outcome[i] = 0;
  }
  return links;
}

/** As `decodeLinks`, for the columns of statistics; null if there are none. `length` is that of the links. */
export function decodeStats(wire: unknown, length: number): StatColumns | null {
  if (wire === null) return null;
  if (lengthOf(wire) !== length) throw new RangeError('statistics: not of the same length as the links');
  const stats = emptyStats(length);
  decodeColumns(wire, stats);
  return stats;
}

const headSchema = v.object({ length: v.pipe(v.wholeNumber, v.maxValue(MAX_LINKS)) });

export function lengthOf(wire: unknown): number {
  return v.validate(headSchema, wire).length;
}

/** Fills `columns` from the wire, those of `UNSENT` with NONE16 if they are not there. Throws a RangeError or TypeError. */
export function decodeColumns(wire: unknown, columns: object): void {
  for (const [name, column] of columnsOf(columns)) {
    const value = (wire as Record<string, unknown>)[name] ?? (UNSENT.has(name) ? NONE16 : undefined);
    if (typeof value === 'string') {
      readBase64(value, new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    } else if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= NONE16) {
      fillRegular(column, value as number, name === 'to' ? 1 : 0);
    } else throw new TypeError(`links: no column ${name}`);
  }
}

function fillRegular(column: Uint8Array | Uint16Array, first: number, step: 0 | 1): void {
  if (step === 0) column.fill(first);
  else for (let i = 0; i < column.length; i++) column[i] = first + i;
}
