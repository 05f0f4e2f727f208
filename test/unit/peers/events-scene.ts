import type { PodAnswer } from '../../../server/peers/broadcast.ts';
import { mergeJournals } from '../../../server/peers/events.ts';
import type { EventKind, EventPod, Journal, JournalEntry } from '../../../server/protocol/event.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS, podOf } from '../../support/mesh.ts';

export const HOUR = 3_600_000;
export const spans = { eachTurnMs: 3_000, sameTurnMs: 1_000 };

/** What a test wants to be told: an entry of pod `by`, `agoMs` ago, about pod `of`. */
export interface Wish {
  by: number;
  agoMs: number;
  kind: EventKind;
  of?: number | null;
  outcome?: JournalEntry['outcome'];
  totalUs?: number;
  toldMs?: number;
  detail?: string;
}

export const eventPod = (n: number): EventPod => {
  const { uid, name, namespace, node } = podOf(n);
  return { uid, name, namespace, node };
};

/** The journals of `count` pods, asked at `NOW_MS` by one that is `offMs` off in dating them. */
export function journals(count: number, wishes: readonly Wish[], offMs = 0): PodAnswer<Journal>[] {
  return Array.from({ length: count }, (_, by) => {
    const events = wishes
      .filter((wish) => wish.by === by)
      .map(({ agoMs, kind, of = null, outcome = null, totalUs = -1, toldMs = 0, detail = '' }, seq) => {
        return {
          seq,
          ageMs: agoMs,
          toldMs,
          kind,
          pod: of === null ? null : eventPod(of),
          outcome,
          phase: null,
          totalUs,
          detail,
        };
      });
    const value: Journal = {
      format: 'goldpinger-ts/journal/1',
      id: `j${by}`,
      knownAgeMs: HOUR,
      truncated: false,
      events,
    };
    return { pod: podOf(by), value, atMs: NOW_MS + offMs, errorMs: 1 };
  });
}

export const merge = (parts: PodAnswer<Journal>[]) =>
  mergeJournals({ parts, atMs: NOW_MS }, spans, { clock: new FakeClock(NOW_MS), podOf: () => null });
