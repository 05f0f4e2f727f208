import { NONE16, readBase64, toBase64 } from './bytes16.ts';
import { OUTCOMES, type Outcome, PHASES, type Phase } from './outcome.ts';

/** `flags` of a link: the probe went over IPv6. */
export const FLAG_IPV6 = 1;
/** `flags` of a link: its newest sample was taken while the reporting process was starved. */
export const FLAG_SUSPECT = 2;
/** `flags` of a link: it is to be probed, but no sample has come in yet; every other column is without meaning. */
export const FLAG_NOT_YET = 4;
/** `flags` of a link: bits 3-4 hold 1 + the index in `PHASES` in which a failed probe ended, 0 = none. */
export const PHASE_SHIFT = 3;

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
  /** How old the newest sample was when the row was made. */
  ageMs: Uint16Array;
  /** How long the link had been in its present state (ok, or failing in whatever way) when the row was made. */
  sinceMs: Uint16Array;
}

/** What the samples of a window came to, one entry a link; asked for by `window`. Percentiles are over ok samples. */
export interface StatColumns {
  /** Probes in the window; 65535 stands for more, too. */
  samples: Uint16Array;
  /** Those of them that failed. */
  failures: Uint16Array;
  minUs: Uint16Array;
  p50Us: Uint16Array;
  p95Us: Uint16Array;
  maxUs: Uint16Array;
  /** Medians of the phases. */
  connectP50Us: Uint16Array;
  firstByteP50Us: Uint16Array;
}

/** The most links that a row may have: 65535 pods is more than Kubernetes supports (5000 nodes, 150 000 pods). */
export const MAX_LINKS = 65_535;

/** Reading and writing order of the columns on the wire, with bytes an entry. */
export const LINK_COLUMNS = {
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
export const STAT_COLUMNS = {
  samples: 2,
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
  return { length, ...(columnsOf(LINK_COLUMNS, length) as Omit<LinkColumns, 'length'>) };
}

/** Columns of a window for `length` links, all zero. */
export function emptyStats(length: number): StatColumns {
  return columnsOf(STAT_COLUMNS, length) as unknown as StatColumns;
}

/** Links whose columns lie in `buffer` as `emptyLinks` and `decodeLinks` lay them out. Takes it, does not copy. */
export function linksIn(buffer: ArrayBuffer, length: number): LinkColumns {
  return { length, ...(columnsIn(buffer, LINK_COLUMNS, length) as Omit<LinkColumns, 'length'>) };
}

/** As `linksIn`, for the columns of a window. */
export function statsIn(buffer: ArrayBuffer, length: number): StatColumns {
  return columnsIn(buffer, STAT_COLUMNS, length) as unknown as StatColumns;
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
 * column: the value of all entries, or in `to` the first of consecutive indexes.
 */
export function encodeColumns(columns: LinkColumns | StatColumns, length: number): Record<string, string | number> {
  const wire: Record<string, string | number> = { length };
  for (const [name, column] of Object.entries(columns)) {
    if (typeof column !== 'number')
      wire[name] = isSteady(column, name === 'to' ? 1 : 0) ? (column[0] ?? 0) : toBase64(column);
  }
  return wire;
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
  const links = { length, ...decodeColumns(wire, LINK_COLUMNS, length) } as unknown as LinkColumns;
  for (let i = 0; i < length; i++) {
    if ((links.to[i] ?? 0) >= peerCount) throw new RangeError(`link ${i} leads to peer ${links.to[i]} of ${peerCount}`);
    if ((links.outcome[i] ?? 0) >= OUTCOMES.length) throw new RangeError(`link ${i} has outcome ${links.outcome[i]}`);
  }
  return links;
}

/** As `decodeLinks`, for the columns of a window. `length` is that of the links they belong to. */
export function decodeStats(wire: unknown, length: number): StatColumns {
  if (lengthOf(wire) !== length) throw new RangeError('stats are of another length than the links');
  return decodeColumns(wire, STAT_COLUMNS, length) as unknown as StatColumns;
}

function lengthOf(wire: unknown): number {
  const length = (wire as { length?: unknown } | null)?.length;
  if (!Number.isInteger(length) || (length as number) < 0 || (length as number) > MAX_LINKS) {
    throw new TypeError('links without a valid length');
  }
  return length as number;
}

/**
 * Columns for `length` links, all zero, side by side in one buffer: 1000 rows are 1000 buffers and not 13 000, which
 * counts where they are handed from a worker to the page. Wide columns come first, as they must lie on even bytes.
 */
function columnsOf(widths: Record<string, number>, length: number): Record<string, Uint8Array | Uint16Array> {
  const bytes = Object.values(widths).reduce((sum, width) => sum + width * length, 0);
  return columnsIn(new ArrayBuffer(bytes), widths, length);
}

function columnsIn(
  buffer: ArrayBuffer,
  widths: Record<string, number>,
  length: number,
): Record<string, Uint8Array | Uint16Array> {
  const byWidth = Object.entries(widths).sort(([, a], [, b]) => b - a);
  const columns: Record<string, Uint8Array | Uint16Array> = {};
  let start = 0;
  for (const [name, width] of byWidth) {
    columns[name] = width === 1 ? new Uint8Array(buffer, start, length) : new Uint16Array(buffer, start, length);
    start += width * length;
  }
  return columns;
}

function decodeColumns(wire: unknown, widths: Record<string, number>, length: number) {
  const columns = columnsOf(widths, length);
  for (const [name, column] of Object.entries(columns)) {
    const value = (wire as Record<string, unknown>)[name];
    if (typeof value === 'string') {
      readBase64(value, new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    } else if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= NONE16) {
      fillSteady(column, value as number, name === 'to' ? 1 : 0);
    } else throw new TypeError(`links without column ${name}`);
  }
  return columns;
}

function fillSteady(column: Uint8Array | Uint16Array, first: number, step: 0 | 1): void {
  if (step === 0) column.fill(first);
  else for (let i = 0; i < column.length; i++) column[i] = first + i;
}
