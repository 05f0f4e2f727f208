import { FLAG_IPV6, FLAG_SUSPECT, outcomeOf, phaseOf, unpack16 } from '../../server/protocol/links.ts';
import type { MissingReason } from '../../server/protocol/mesh.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';
import { type LinkState, stateAt } from './link-state.ts';
import type { Picture } from './picture.ts';

/** All that is known of one pair. Durations are -1 where there is no figure. */
export interface LinkFacts {
  state: LinkState;
  /** What lies beneath `suspect`. */
  base: LinkState;
  /** null where nothing was measured. */
  outcome: Outcome | null;
  /** The phase in which a failed probe ended. */
  phase: Phase | null;
  connectUs: number;
  firstByteUs: number;
  totalUs: number;
  /** Since when it is ok or failing, ms since the epoch by the serving pod's clock; -1 where nothing was measured. */
  sinceMs: number;
  /** When its newest sample was taken, as `sinceMs`. */
  sampledMs: number;
  suspect: boolean;
  family: 4 | 6;
  /** The error's words; '' without. Not yet cleaned for display: see `shownName`. */
  detail: string;
  stats: { samples: number; failures: number; p50Us: number; p95Us: number; maxUs: number } | null;
  /** Why the pod that pings did not report; '' if it did. */
  missing: MissingReason | '';
}

/** Gathers what is known of the link from pod `from` to pod `to` (indexes in `Mesh.pods`). */
export function linkFacts(picture: Picture, from: number, to: number): LinkFacts {
  const pair = from * picture.n + to;
  const report = picture.mesh.reports[picture.reportOf[from] ?? -1];
  const i = picture.link[pair] ?? -1;
  const state = stateAt(picture.state[pair]);
  const base = stateAt(picture.base[pair]);
  const missing = report?.missing ?? 'not-asked';
  const blank = { phase: null, connectUs: -1, firstByteUs: -1, totalUs: -1, sinceMs: -1, sampledMs: -1 };
  if (report === undefined || i < 0 || base === 'not-yet') {
    return { state, base, outcome: null, ...blank, suspect: false, family: 4, detail: '', stats: null, missing };
  }
  const { links, stats } = report;
  const flags = links.flags[i] ?? 0;
  const us = (column: Uint16Array) => unpack16(column[i] ?? 0);
  return {
    state,
    base,
    outcome: outcomeOf(links, i),
    phase: phaseOf(links, i),
    connectUs: us(links.connectUs),
    firstByteUs: us(links.firstByteUs),
    totalUs: us(links.totalUs),
    sinceMs: report.atMs - us(links.sinceMs),
    sampledMs: report.atMs - us(links.ageMs),
    suspect: (flags & FLAG_SUSPECT) !== 0 || report.starvation?.unreliable === true,
    family: (flags & FLAG_IPV6) === 0 ? 4 : 6,
    detail: report.details.find(([link]) => link === i)?.[1] ?? '',
    stats:
      stats === null
        ? null
        : {
            samples: stats.samples[i] ?? 0,
            failures: stats.failures[i] ?? 0,
            p50Us: us(stats.p50Us),
            p95Us: us(stats.p95Us),
            maxUs: us(stats.maxUs),
          },
    missing,
  };
}
