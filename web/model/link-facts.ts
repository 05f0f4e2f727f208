import { countedSamples } from '../../server/protocol/link-quality.ts';
import { FLAG_IPV6, NONE16, outcomeOf, phaseOf, unpack16 } from '../../server/protocol/links.ts';
import type { MissingReason } from '../../server/protocol/mesh.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';
import { lostOf, sentOf, UNKNOWN_HOPS } from '../../server/protocol/udp.ts';
import { shownLink } from './cells.ts';
import { podLink } from './levels.ts';
import { type LinkState, stateAt } from './links.ts';
import type { Picture } from './mesh-view.ts';

/** Everything that is known about a link. Durations are -1 if unknown. */
export interface LinkFacts {
  state: LinkState;
  unreliable: boolean;
  lossy: boolean;
  outcome: Outcome | null;
  phase: Phase | null;
  connectUs: number;
  firstByteUs: number;
  totalUs: number;
  /** Since when the link is ok or failing, ms since the epoch by the serving pod's clock; -1 = unknown, as in Goldpinger's `/check`. */
  sinceMs: number;
  /** Time of the newest sample, like `sinceMs`. */
  sampledMs: number;
  family: 4 | 6;
  /** The error message; '' = none. Must be cleaned with `shownName` before it is shown. */
  detail: string;
  /** `counted`: those of the samples of which `failures` failed; see `countedSamples`. */
  stats: {
    samples: number;
    counted: number;
    failures: number;
    p50Us: number;
    p95Us: number;
    maxUs: number;
    jitterUs: number;
    usualUs: number;
  } | null;
  /**
   * What the UDP probe measured: the datagrams by which loss is judged (`lossWindowMs`) and those that were lost. `rttUs`: of
   * the newest cycle, -1 if none came back. `hops`: -1 = unknown. null = not measured.
   */
  udp: { sent: number; lost: number; rttUs: number; hops: number } | null;
  /** Why the source pod did not report; '' if it did. */
  missing: MissingReason | '';
}

const UNMEASURED = {
  outcome: null,
  phase: null,
  connectUs: -1,
  firstByteUs: -1,
  totalUs: -1,
  sinceMs: -1,
  sampledMs: -1,
  unreliable: false,
  lossy: false,
  family: 4,
  detail: '',
  stats: null,
  udp: null,
} satisfies Partial<LinkFacts>;

/** The facts about the link between two pods (indexes in `Picture.pods`); of a folded link those of its worst link. */
export function linkFacts(picture: Picture, from: number, to: number): LinkFacts {
  if (picture.fold !== null) {
    const link = podLink(picture, from, to);
    return linkFacts(picture.fold.pods, link.from, link.to);
  }
  const pair = from * picture.n + to;
  const report = picture.mesh.reports[picture.reportOf[from] ?? -1];
  const i = report === undefined ? -1 : shownLink(picture, report.links, from, to);
  const state = stateAt(picture.state[pair]);
  const missing = report?.missing ?? 'not-asked';
  if (report === undefined || i < 0 || state === 'not-yet') {
    return { ...UNMEASURED, state, missing };
  }
  const { links, stats, udp } = report;
  const flags = links.flags[i] ?? 0;
  const us = (column: Uint16Array) => unpack16(column[i] ?? 0);
  return {
    state,
    unreliable: picture.unreliable[pair] === 1,
    lossy: picture.lossy[pair] === 1,
    outcome: outcomeOf(links, i),
    phase: phaseOf(links, i),
    connectUs: us(links.connectUs),
    firstByteUs: us(links.firstByteUs),
    totalUs: us(links.totalUs),
    sinceMs: timeOf(report.atMs, unpack16(links.sinceMs[i] ?? NONE16)),
    sampledMs: timeOf(report.atMs, unpack16(links.ageMs[i] ?? NONE16)),
    family: (flags & FLAG_IPV6) === 0 ? 4 : 6,
    detail: report.details.find(([link]) => link === i)?.[1] ?? '',
    stats:
      stats === null
        ? null
        : {
            samples: stats.samples[i] ?? 0,
            counted: countedSamples(stats, i),
            failures: stats.failures[i] ?? 0,
            p50Us: us(stats.p50Us),
            p95Us: us(stats.p95Us),
            maxUs: us(stats.maxUs),
            jitterUs: us(stats.jitterUs),
            usualUs: us(stats.usualUs),
          },
    udp:
      udp === null || sentOf(udp, i) === 0
        ? null
        : {
            sent: sentOf(udp, i),
            lost: lostOf(udp, i),
            rttUs: us(udp.rttUs),
            hops: udp.hops[i] === UNKNOWN_HOPS ? -1 : (udp.hops[i] ?? -1),
          },
    missing,
  };
}

/** The time `ageMs` before `atMs`; -1 if the age is negative (unknown). */
function timeOf(atMs: number, ageMs: number): number {
  return ageMs < 0 ? -1 : atMs - ageMs;
}
