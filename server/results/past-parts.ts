import { NONE16, pack16 } from '../contract/bytes16.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_IPV6,
  FLAG_NOT_YET,
  FLAG_SUSPECT,
  type LinkColumns,
  MAX_LINKS,
  phaseFlag,
} from '../contract/links.ts';
import { OUTCOMES } from '../contract/outcome.ts';
import type { RowPast } from '../contract/past.ts';
import { peersHashOf } from '../contract/peers-hash.ts';
import type { Target } from '../contract/pod.ts';
import { MAX_DETAILS, type PeerRef, type Starvation } from '../contract/row.ts';
import type { Verdict } from './judge.ts';
import { CODE_OUTCOME, phaseOfCode } from './rings.ts';
import { fillStats, type RowParts } from './row-parts.ts';
import type { Slice } from './slice.ts';
import type { Kept, Stand, Stretch, Stretches, StretchResult } from './stretch.ts';

/** What is kept of a link, and where it leads. */
export interface PastLink extends Kept {
  target: Target;
  /** How it stands now, and since when; null of a departed pod's. */
  now: { verdict: Verdict; sinceMs: number } | null;
}

/** What results contribute to a row of the past. */
export type PastParts = RowParts & { past: Pick<RowPast, 'resolutionMs'>; starvation: Starvation };

/** What a row of the past is made with. Times are monotonic. */
export interface PastSource {
  stretches: Stretches;
  slice: Slice;
  nowMs: number;
}

/** The share of suspect samples that makes a row unreliable, and of how many at least: as it does now. */
const UNRELIABLE = { share: 0.75, samples: 10 };

interface Entry {
  link: PastLink;
  result: StretchResult;
  stand: Stand;
}

/**
 * The row of a stretch of the past: how each link stood at its end, and statistics over all of it. A link without a
 * sample in it was not probed then and is left out; the peers are those that were probed.
 */
export async function pastParts(links: readonly PastLink[], stretch: Stretch, source: PastSource): Promise<PastParts> {
  const { stretches, slice, nowMs } = source;
  const entries: Entry[] = [];
  for (const link of links) {
    const result = stretches.of(link, stretch, nowMs);
    if (result.stand !== null && entries.length < MAX_LINKS) entries.push({ link, result, stand: result.stand });
    if (slice.isOver()) await slice.next();
  }
  const peers = peersOf(entries);
  const indexOf = new Map(peers.map((peer, i) => [peer.uid, i]));
  const columns = emptyLinks(entries.length);
  const stats = emptyStats(entries.length);
  const details: RowParts['details'] = [];
  for (const [i, entry] of entries.entries()) {
    columns.to[i] = indexOf.get(entry.link.target.uid) ?? 0;
    fill(columns, i, entry, stretch);
    columns.sinceMs[i] = pack16(stretch.toMs - sinceOf(entry, stretch, stretches));
    fillStats(stats, i, entry.result.summary);
    const detail = detailOf(entry, stretch);
    if (detail !== '' && details.length < MAX_DETAILS) details.push([i, detail.slice(0, 300)]);
    if (slice.isOver()) await slice.next();
  }
  return {
    ...{ peersHash: peersHashOf(peers), peers, gonePeers: [], links: columns, details, stats },
    windowMs: stretch.toMs - stretch.fromMs,
    past: { resolutionMs: entries.reduce((most, { result }) => Math.max(most, result.resolutionMs), 0) },
    starvation: starvationOf(entries),
  };
}

function peersOf(entries: readonly Entry[]): PeerRef[] {
  const refs = new Map<string, PeerRef>();
  for (const { link } of entries) {
    const { uid, name, namespace, podIP } = link.target;
    refs.set(uid, { uid, name, namespace, podIP });
  }
  return [...refs.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1));
}

function fill(columns: LinkColumns, i: number, { link, stand }: Entry, { toMs }: Stretch): void {
  const { isKnown } = stand;
  const outcome = stand.code & CODE_OUTCOME;
  const family = link.target.family === 6 ? FLAG_IPV6 : 0;
  const state = isKnown ? phaseFlag(phaseOfCode(stand.code)) : FLAG_NOT_YET;
  columns.flags[i] = family | state | (stand.isSuspect ? FLAG_SUSPECT : 0);
  columns.outcome[i] = isKnown && outcome < OUTCOMES.length ? outcome : 0;
  columns.connectUs[i] = isKnown ? stand.connect16 : NONE16;
  columns.firstByteUs[i] = isKnown ? stand.firstByte16 : NONE16;
  columns.totalUs[i] = isKnown ? stand.total16 : NONE16;
  columns.ageMs[i] = pack16(Math.max(0, toMs - stand.newestMs));
}

/** Since when a link had been as it was at the end of the stretch. */
function sinceOf({ link, stand }: Entry, { toMs }: Stretch, stretches: Stretches): number {
  const { now } = link;
  const wasOk = (stand.code & CODE_OUTCOME) === 0;
  const isSame = now !== null && now.verdict.judged !== null && (now.verdict.judged.outcome === 'ok') === wasOk;
  // It has not changed since: no need to look back sample by sample.
  if (isSame && now.sinceMs <= stand.newestMs) return Math.min(toMs, now.sinceMs);
  return Math.min(toMs, stretches.sinceMs(link, stand));
}

/** The words for a failure that lasts to this day; those of others are not kept. */
function detailOf({ link, stand }: Entry, { toMs }: Stretch): string {
  const { now } = link;
  const judged = now?.verdict.judged;
  if (now === null || judged === null || judged === undefined || now.sinceMs > toMs) return '';
  return judged.outcome === OUTCOMES[stand.code & CODE_OUTCOME] ? judged.detail : '';
}

/** How far the row was to be trusted, by its suspect samples; the loop's delay is not kept. */
function starvationOf(entries: readonly Entry[]): Starvation {
  const samples = entries.reduce((sum, { result }) => sum + result.summary.count, 0);
  const suspect = entries.reduce((sum, { result }) => sum + result.summary.suspect, 0);
  const suspectShare = samples === 0 ? 0 : suspect / samples;
  const unreliable = samples >= UNRELIABLE.samples && suspectShare > UNRELIABLE.share;
  return { loopDelayP99Us: 0, suspectShare, unreliable, sinceMs: 0 };
}
