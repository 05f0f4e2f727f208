import { describe, expect, it } from 'vitest';
import {
  compareCauses,
  type EventKind,
  JOURNAL_FORMAT,
  MAX_EVENTS,
  parseJournalSliced,
} from '../../../server/protocol/event.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { parsedBy, runToEnd } from '../../support/generator.ts';

const entry = {
  seq: 1,
  ageMs: 5,
  apiTimeMs: 0,
  kind: 'link-failed',
  pod: { uid: 'u', name: 'a', namespace: 'default', node: 'n' },
  outcome: 'timeout',
  phase: 'connect',
  totalUs: -1,
  detail: 'no connection',
};
const journalOf = (events: unknown[]) => ({
  format: JOURNAL_FORMAT,
  id: 'abc',
  knownAgeMs: 1,
  truncated: false,
  events,
});

it('reads a long journal a few entries at a time', () => {
  const events = Array.from({ length: MAX_EVENTS }, (_, seq) => ({ ...entry, seq }));
  const { result, steps } = runToEnd(parseJournalSliced(journalOf(events), noneSkipped()));
  expect(result.events).toEqual(events);
  expect(steps).toBeGreaterThan(MAX_EVENTS / 20);
});

it.each([
  ['that is no object', 5],
  ['of an unknown kind', { ...entry, kind: 'party' }],
  ['about a pod without a name', { ...entry, pod: { uid: 'u' } }],
])('leaves out an entry %s, and no other', (_, invalid) => {
  const { value, skipped } = parsedBy(parseJournalSliced, journalOf([invalid, entry]));
  expect([value.events, skipped]).toEqual([[entry], 1]);
});

it('leaves out a copied journal that is not valid, and nothing else', () => {
  const [good, bad] = [journalOf([entry]), { ...journalOf([entry]), starved: [[null, 0]] }];
  const copies = [bad, good].map((journal, i) => ({ uid: `uid-${i}`, journal }));
  const { value, skipped } = parsedBy(parseJournalSliced, { ...journalOf([entry]), copies });
  expect(value).toEqual({ ...journalOf([entry]), copies: [{ uid: 'uid-1', journal: good }] });
  expect(skipped).toBe(1);
});

it('refuses a journal with too many entries', () => {
  expect(() => parsedBy(parseJournalSliced, journalOf(Array(MAX_EVENTS + 1).fill(entry)))).toThrow();
});

describe('events of the same time', () => {
  it.each<EventKind[][]>([
    [['pod-terminating', 'pod-gone', 'pod-seen', 'pod-replaced', 'pod-ready', 'link-recovered']],
    [['cpu-starved', 'pod-terminating', 'link-failed', 'pod-gone']],
    [['link-failed', 'link-recovered', 'api-back']],
    [['api-lost', 'link-slow', 'link-normal', 'cpu-recovered']],
    [['cpu-starved', 'link-lossy', 'link-loss-over']],
    [['probe-failed', 'probe-recovered']],
  ])('are told in the order %s, whatever their ids', (kinds) => {
    const events = kinds.map((kind, i) => ({ kind, id: String(9 - i) }));
    expect(events.toReversed().sort(compareCauses)).toEqual(events);
  });

  it('of the same kind are told in the order of their ids', () => {
    const events = ['2', '1', '3'].map((id) => ({ kind: 'link-failed' as const, id }));
    expect(events.sort(compareCauses).map(({ id }) => id)).toEqual(['1', '2', '3']);
  });
});
