import { CHANGES, type ComparedColumns, type Comparison, NOT_SEEN } from '../../server/protocol/comparison.ts';
import { isWorseResult } from '../../server/protocol/link-state.ts';
import { unpack16 } from '../../server/protocol/links.ts';
import { podLabels } from './names.ts';

/** How all links did in one range, by pair. */
export interface RangeCells {
  /** Median of the ok probes, us; NaN without one. */
  p50Us: Float32Array;
  /** Failed probes in percent; `NOT_SEEN` without a probe. */
  failed: Uint8Array;
}

/** A comparison as the map of changes draws it. The pair (from, to) has index `from * n + to`. */
export interface ChangeMapModel {
  /** All pods of the ranges, by name. `label` is short, different from all others, and safe to show. */
  pods: { uid: string; label: string; isTarget: boolean }[];
  n: number;
  before: RangeCells;
  during: RangeCells;
  /** Index in `CHANGES`; 0 = `unknown`. */
  change: Uint8Array;
  /** Median during less median before, us; NaN if one of them is missing. */
  deltaUs: Float32Array;
  /** The largest change of a median in either direction, us. */
  maxDeltaUs: number;
}

/** Arranges the links of a comparison as a map. Of the two IP families of a pair the cell shows the one that did worse during. */
export function changeMapOf({ pods, links, displayNodeName }: Comparison): ChangeMapModel {
  const n = pods.length;
  const labels = podLabels(pods, displayNodeName);
  const order = [...pods.keys()].sort((a, b) => compareText(pods[a]?.name ?? '', pods[b]?.name ?? ''));
  const place = new Uint32Array(n);
  for (const [i, pod] of order.entries()) place[pod] = i;
  const map: ChangeMapModel = {
    pods: order.map((pod) => {
      return { uid: pods[pod]?.uid ?? '', label: labels[pod] ?? '', isTarget: pods[pod]?.isTarget ?? false };
    }),
    n,
    before: emptyCells(n),
    during: emptyCells(n),
    change: new Uint8Array(n * n),
    deltaUs: new Float32Array(n * n).fill(Number.NaN),
    maxDeltaUs: 0,
  };
  for (const columns of links) addLinks(map, columns, place);
  return map;
}

/** What became of a pair of the map. */
export function changeAt({ change }: ChangeMapModel, pair: number): (typeof CHANGES)[number] {
  return CHANGES[change[pair] ?? 0] ?? 'unknown';
}

/** The uids of a pair of the map. */
export function pairUids({ pods, n }: ChangeMapModel, pair: number): { from: string; to: string } {
  return { from: pods[Math.floor(pair / n)]?.uid ?? '', to: pods[pair % n]?.uid ?? '' };
}

function emptyCells(n: number): RangeCells {
  return { p50Us: new Float32Array(n * n).fill(Number.NaN), failed: new Uint8Array(n * n).fill(NOT_SEEN) };
}

function addLinks(map: ChangeMapModel, columns: ComparedColumns, place: Uint32Array): void {
  const { before, during } = map;
  const from = (place[columns.from] ?? 0) * map.n;
  for (let i = 0; i < columns.length; i++) {
    const pair = from + (place[columns.to[i] ?? 0] ?? 0);
    const us = latencyOf(columns.duringP50Us[i]);
    const failed = columns.duringFailed[i] ?? NOT_SEEN;
    if (!replaces(during, pair, us, failed)) continue;
    during.p50Us[pair] = us;
    during.failed[pair] = failed;
    before.p50Us[pair] = latencyOf(columns.beforeP50Us[i]);
    before.failed[pair] = columns.beforeFailed[i] ?? NOT_SEEN;
    map.change[pair] = columns.change[i] ?? 0;
    const delta = us - (before.p50Us[pair] ?? Number.NaN);
    map.deltaUs[pair] = delta;
    if (Math.abs(delta) > map.maxDeltaUs) map.maxDeltaUs = Math.abs(delta);
  }
}

/** Whether a link takes the place of the one that was drawn for its pair before, if any: over the other IP family. */
function replaces({ p50Us, failed }: RangeCells, pair: number, us: number, percent: number): boolean {
  const drawn = failed[pair] ?? NOT_SEEN;
  if (drawn === NOT_SEEN) return true;
  if (percent === NOT_SEEN) return false;
  if (percent > 0 && drawn > 0) return percent > drawn;
  return isWorseResult(percent > 0, us, drawn > 0, p50Us[pair] ?? 0);
}

function latencyOf(packed = 0): number {
  const us = unpack16(packed);
  return us < 0 ? Number.NaN : us;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
