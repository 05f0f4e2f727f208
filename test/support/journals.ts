import type { PodAnswer } from '../../server/peers/broadcast.ts';
import type { EventKind, Journal, JournalEntry } from '../../server/protocol/event.ts';
import { eventPodOf, NOW_MS, podOf } from './mesh.ts';

const HOUR_MS = 3_600_000;

/** An entry in the journal of pod `by`, `agoMs` ago, about pod `of`. */
export interface Entry {
  by: number;
  agoMs: number;
  kind: EventKind;
  of?: number | null;
  outcome?: JournalEntry['outcome'];
  phase?: JournalEntry['phase'];
  totalUs?: number;
  apiTimeMs?: number;
  detail?: string;
}

/** The journals of `count` pods, asked at `NOW_MS` by a pod that dates them `offMs` too late. */
export function journals(count: number, entries: readonly Entry[], offMs = 0): PodAnswer<Journal>[] {
  return Array.from({ length: count }, (_, by) => {
    const events = entries
      .filter((entry) => entry.by === by)
      .map(
        ({ agoMs, kind, of = null, outcome = null, phase = null, totalUs = -1, apiTimeMs = 0, detail = '' }, seq) => {
          return {
            seq,
            ageMs: agoMs,
            apiTimeMs,
            kind,
            pod: of === null ? null : eventPodOf(podOf(of)),
            outcome,
            phase,
            totalUs,
            detail,
          };
        },
      );
    const value: Journal = {
      format: 'goldpinger-ts/journal/1',
      id: `j${by}`,
      knownAgeMs: HOUR_MS,
      truncated: false,
      events,
    };
    return { pod: podOf(by), value, atMs: NOW_MS + offMs, errorMs: 1 };
  });
}
