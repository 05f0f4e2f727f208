import { bytesOf, type ColumnsOf, decodeColumns, emptyColumns, lengthOf, NONE16, pack16, unpack16 } from './links.ts';
import type { UdpResult } from './sample.ts';
import { type Skipped, skip } from './validators.ts';

/*
 * The UDP probe (UDP_ENABLED): in each cycle a pod sends some datagrams to each of its targets, which echo them. It shows loss
 * that TCP hides by sending again. Without these columns (probe off, Goldpinger), loss is "not measured".
 */

/** The UDP results of one pod: entry i is about the same link as entry i of `LinkColumns`. */
export const UDP_COLUMNS = {
  /** Datagrams sent in the newest cycle that counts; 0 = not measured yet, then only `windowSent` may be more than 0. */
  sent: Uint16Array,
  /** Those of them that did not come back; never more than `sent`. */
  lost: Uint16Array,
  /** Their mean round trip, packed by `pack16`; NONE16 if none came back. */
  rttUs: Uint16Array,
  /** Age of the newest cycle that counts when the report was made, packed by `pack16`; NONE16 without one. */
  ageMs: Uint16Array,
  /** Datagrams sent in the last `lossWindowMs`, whatever window the request has: a link is lossy by these. Packed by `pack16`. */
  recentSent: Uint16Array,
  /** Those of them that did not come back while pings succeeded, packed by `pack16`; never more than `recentSent`. */
  recentLost: Uint16Array,
  /** The same two numbers over the window of the report: statistics. They are the recent ones if the request had no window. */
  windowSent: Uint16Array,
  windowLost: Uint16Array,
  /** At most 255. */
  duplicates: Uint8Array,
  outOfOrder: Uint8Array,
  /** Routers on the way to the target; UNKNOWN_HOPS = unknown. */
  hops: Uint8Array,
  /** In how many cycles those of `recentLost`, and those of `windowLost`, were lost; at most 255: see `Datagrams`. */
  recentLossCycles: Uint8Array,
  windowLossCycles: Uint8Array,
} as const;

export type UdpColumns = ColumnsOf<typeof UDP_COLUMNS>;
export const UDP_BYTES = bytesOf(UDP_COLUMNS);

/** Loss is judged over at least this time, ms, and over at least so many cycles: one cycle has too few datagrams. */
const LOSS_WINDOW_MS = 60_000;
const LOSS_WINDOW_CYCLES = 10;

/** The time over which it is judged whether a link is lossy, ms. `refreshIntervalMs`: REFRESH_INTERVAL. */
export function lossWindowMs(refreshIntervalMs: number): number {
  return Math.max(LOSS_WINDOW_MS, LOSS_WINDOW_CYCLES * refreshIntervalMs);
}

/** The value of `UdpColumns.hops` for "unknown". */
export const UNKNOWN_HOPS = 255;

/** Makes columns for `length` links, none of them measured. */
export function emptyUdp(length: number): UdpColumns {
  const udp = emptyColumns(UDP_COLUMNS, length);
  udp.rttUs.fill(NONE16);
  udp.ageMs.fill(NONE16);
  udp.hops.fill(UNKNOWN_HOPS);
  return udp;
}

/** Writes the newest result of link `i`, which is `ageMs` old. */
export function writeUdp(udp: UdpColumns, i: number, result: Omit<UdpResult, 'atMs' | 'suspect'>, ageMs: number): void {
  udp.sent[i] = result.sent;
  udp.lost[i] = result.lost;
  udp.rttUs[i] = pack16(result.rttUs);
  udp.duplicates[i] = Math.min(result.duplicates, 255);
  udp.outOfOrder[i] = Math.min(result.outOfOrder, 255);
  udp.ageMs[i] = pack16(ageMs);
  udp.hops[i] = result.hops < 0 ? UNKNOWN_HOPS : result.hops;
}

/** Datagrams that were sent, and those of them that did not come back. */
export interface Datagrams {
  sent: number;
  lost: number;
  /** In how many cycles they were lost. Where only sums over several cycles are kept, each sum counts as two: it may be many. */
  lossCycles: number;
}

/** Writes the datagrams to link `i` of the last `lossWindowMs`, and those in the window of the report. */
export function writeLoss(udp: UdpColumns, i: number, recent: Datagrams, window = recent): void {
  udp.recentSent[i] = pack16(recent.sent);
  udp.recentLost[i] = pack16(recent.lost);
  udp.windowSent[i] = pack16(window.sent);
  udp.windowLost[i] = pack16(window.lost);
  udp.recentLossCycles[i] = Math.min(recent.lossCycles, 255);
  udp.windowLossCycles[i] = Math.min(window.lossCycles, 255);
}

/** The datagrams by which link `i` is judged. */
export function recentOf(udp: UdpColumns, i: number): Datagrams {
  return { sent: sentOf(udp, i), lost: lostOf(udp, i), lossCycles: udp.recentLossCycles[i] ?? 0 };
}

/** Number of the datagrams by which link `i` is judged; 0 = loss is not measured. */
export function sentOf(udp: UdpColumns, i: number): number {
  return unpack16(udp.recentSent[i] ?? 0);
}

/** Those of `sentOf` that were lost. */
export function lostOf(udp: UdpColumns, i: number): number {
  return unpack16(udp.recentLost[i] ?? 0);
}

/**
 * Validates and decodes UDP columns from another process; `length` is that of the links. null if there are none, or if they are
 * invalid, which is counted in `skipped`: the rest of the report stands without them.
 */
export function decodeUdp(wire: unknown, length: number, skipped?: Skipped): UdpColumns | null {
  if (wire === null) return null;
  const udp = emptyUdp(length);
  try {
    if (lengthOf(wire) !== length) throw new RangeError('UDP results: not of the same length as the links');
    decodeColumns(wire, udp);
  } catch (error) {
    if (skipped !== undefined) skip(error, skipped);
    return null;
  }
  for (let i = 0; i < length; i++) {
    // NONE16 would be -1 datagrams.
    for (const sent of [udp.recentSent, udp.windowSent]) if (sent[i] === NONE16) sent[i] = 0;
    // Packed numbers are in the order of the numbers.
    udp.lost[i] = Math.min(udp.lost[i] ?? 0, udp.sent[i] ?? 0);
    udp.recentLost[i] = Math.min(udp.recentLost[i] ?? 0, udp.recentSent[i] ?? 0);
    udp.windowLost[i] = Math.min(udp.windowLost[i] ?? 0, udp.windowSent[i] ?? 0);
  }
  return udp;
}
