import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventJournal } from '../../../server/events/journal.ts';
import { PodLifetimes } from '../../../server/events/pod-lifetimes.ts';
import { type Journal, parsingJournal } from '../../../server/protocol/event.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { Outcome } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf, snapshotOf, statusOf } from '../../support/mesh.ts';
import { sampleOf, targetOf } from '../../support/samples.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function start() {
  const clock = new FakeClock();
  const settings = { slowLinkMs: 100, historyWindowMs: HOUR, goneRetentionMs: 5 * MINUTE };
  const journal = new EventJournal(settings, { clock, random: () => 0.5 });
  const book = new PodLifetimes(settings, clock);
  const takePods = (...pods: Pod[]) => journal.onPods(book.update(snapshotOf(pods)));
  const kinds = (sinceAgeMs = HOUR) => journal.read(sinceAgeMs).events.map(({ kind }) => kind);
  const link = (from: Outcome | 'unknown', to: Outcome) =>
    journal.onLinkChange({
      ...{ target: targetOf('uid-1'), from, to, previousForMs: 12_340 },
      sample: sampleOf({ outcome: to, phase: to === 'ok' ? null : 'connect', totalUs: 700, detail: 'why' }),
    });
  return { clock, journal, takePods, kinds, link };
}

function parsed(wire: unknown): Journal {
  const work = parsingJournal(wire);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

describe('pods in the journal', () => {
  it('are seen, ready, not ready, terminating, gone and replaced, each once and at the time that the API tells', async () => {
    const { clock, journal, takePods } = start();
    const bornMs = clock.nowMs() - MINUTE;
    const pod = podOf(1, { createdMs: bornMs, sinceMs: bornMs + 30_000 });
    takePods(pod);
    takePods(pod);
    await clock.advance(10_500);
    takePods({ ...pod, lifecycle: 'not-ready', sinceMs: clock.nowMs() - 500 });
    takePods({ ...pod, lifecycle: 'terminating', sinceMs: clock.nowMs() - 500 });
    await clock.advance(1_250);
    const gone: Pod = { ...pod, lifecycle: 'gone', sinceMs: clock.nowMs() };
    takePods(gone);
    const next = podOf(2, { createdMs: clock.nowMs() - 750, sinceMs: clock.nowMs() - 750, lifecycle: 'starting' });
    takePods({ ...gone, replacedBy: next.uid }, next);
    await clock.advance(1_000);
    const { events } = parsed(JSON.parse(JSON.stringify(journal.read(HOUR))));
    expect(
      events.map(({ kind, pod: about, ageMs, toldMs, detail }) => [kind, about?.name, ageMs, toldMs, detail]),
    ).toEqual([
      ['pod-seen', 'pod-1', MINUTE + 12_750, bornMs, ''],
      ['pod-ready', 'pod-1', 42_750, bornMs + 30_000, ''],
      ['pod-not-ready', 'pod-1', 2_750, bornMs + MINUTE + 10_000, ''],
      ['pod-terminating', 'pod-1', 2_750, bornMs + MINUTE + 10_000, ''],
      ['pod-replaced', 'pod-1', 1_750, next.createdMs, 'pod-2'],
      ['pod-seen', 'pod-2', 1_750, next.createdMs, ''],
      ['pod-gone', 'pod-1', 1_000, 0, ''],
    ]);
  });

  it('that were there before the window are no news', () => {
    const { takePods, kinds, clock } = start();
    takePods(podOf(1, { createdMs: clock.nowMs() - 2 * HOUR, sinceMs: clock.nowMs() - HOUR - 1 }));
    expect(kinds()).toEqual([]);
  });
});

describe('links in the journal', () => {
  it('fail once however they go on failing, and recover', () => {
    const { link, journal } = start();
    link('unknown', 'ok');
    link('ok', 'timeout');
    link('timeout', 'refused');
    link('refused', 'ok');
    const { events } = parsed(journal.read(HOUR));
    expect(events).toMatchObject([
      { kind: 'link-failed', pod: { uid: 'uid-1' }, outcome: 'timeout', phase: 'connect', totalUs: -1, detail: 'why' },
      { kind: 'link-recovered', outcome: 'refused', phase: null, totalUs: 700, detail: 'after 12.3 s' },
    ]);
  });

  it('that fail from the first sample on have failed', () => {
    const { link, kinds } = start();
    link('unknown', 'refused');
    expect(kinds()).toEqual(['link-failed']);
  });

  /** One sample a second: latency in ms, `x` = failed, `?` = a suspect one of 500 ms. */
  it.each([
    ['100 100', []],
    ['100 99 100 100', []],
    ['100 120 110', ['slow 110 @2']],
    ['? ? ? ? 100 ? 120 110', ['slow 110 @3']],
    ['100 100 x 100', []],
    ['100 100 100 100 100 100', ['slow 100 @5']],
    ['100 100 100 80 90 95 79 79 80 10 20 30', ['slow 100 @11', 'normal 20 @2']],
    ['100 100 100 10 20 x 30 10 10 10', ['slow 100 @9', 'normal 10 @3']],
  ])('are slow and normal with hysteresis: %s', async (samples, expected) => {
    const { clock, journal } = start();
    for (const word of samples.split(' ')) {
      await clock.advance(1_000);
      const suspect = word === '?';
      const totalUs = suspect ? 500_000 : word === 'x' ? 300_000 : Number(word) * 1_000;
      journal.onSample(targetOf('uid-1'), sampleOf({ outcome: word === 'x' ? 'timeout' : 'ok', totalUs, suspect }));
    }
    const told = journal.read(HOUR).events.map(({ kind, totalUs, ageMs }) => {
      return `${kind.replace('link-', '')} ${totalUs / 1_000} @${ageMs / 1_000}`;
    });
    expect(told).toEqual(expected);
  });
});

describe('the API, our own report and external probes in the journal', () => {
  it('are lost and back, once each', () => {
    const { journal, kinds } = start();
    const lastError = { fault: 'refused' as const, message: 'connect refused', atMs: 0 };
    journal.onDiscovery(statusOf({ phase: 'waiting' }));
    journal.onDiscovery(statusOf({ phase: 'synced' }));
    journal.onDiscovery(statusOf({ phase: 'stale', lastError }));
    journal.onDiscovery(statusOf({ phase: 'stale', lastError, attempts: 2 }));
    // Tried again from the beginning: not back yet.
    journal.onDiscovery(statusOf({ phase: 'stale', lastError: null }));
    journal.onDiscovery(statusOf({ phase: 'waiting', lastError: null }));
    expect(kinds()).toEqual(['api-lost']);
    journal.onDiscovery(statusOf({ phase: 'synced' }));
    const sinceMs = new FakeClock().nowMs();
    for (const unreliable of [false, true, true, false]) journal.onStarvation({ unreliable, sinceMs });
    const probe = { target: 'example.org', protocol: 'dns' as const, atMs: 1, durationUs: 5 };
    for (const error of ['', 'no such host', 'late', '']) journal.onProbe({ ...probe, error });
    expect(kinds()).toEqual([
      'api-lost',
      'api-back',
      'cpu-starved',
      'cpu-recovered',
      'probe-failed',
      'probe-recovered',
    ]);
    expect(journal.read(HOUR).events.map(({ detail }) => detail)).toEqual([
      ...['connect refused', '', '', '', 'dns example.org', 'dns example.org'],
    ]);
  });

  it('is lost, too, where it was never there', () => {
    const { journal, kinds } = start();
    const lastError = { fault: 'refused' as const, message: 'connect refused', atMs: 0 };
    journal.onDiscovery(statusOf({ phase: 'waiting', lastError }));
    journal.onDiscovery(statusOf({ phase: 'synced' }));
    expect(kinds()).toEqual(['api-lost', 'api-back']);
  });
});

describe('a journal', () => {
  it('gives what is younger than asked for, whatever the wall clock does', async () => {
    const { clock, journal, link } = start();
    link('ok', 'timeout');
    await clock.advance(5_000);
    clock.jumpWall(-HOUR);
    link('timeout', 'ok');
    await clock.advance(1_000);
    expect(journal.read(5_999).events.map(({ ageMs }) => ageMs)).toEqual([1_000]);
    expect(journal.read(6_000).events.map(({ ageMs }) => ageMs)).toEqual([6_000, 1_000]);
    expect(journal.read(6_000).knownAgeMs).toBe(6_000);
  });

  it('keeps the rest when all links fail at once, and says that something had to make room', () => {
    const { journal, link, takePods, clock } = start();
    takePods(podOf(1, { createdMs: clock.nowMs(), sinceMs: clock.nowMs() }));
    for (let i = 0; i < 3_000; i++) link('ok', 'timeout');
    const all = journal.read(HOUR);
    expect(all.truncated).toBe(true);
    expect(all.events).toHaveLength(1_000);
    expect(all.events.filter(({ kind }) => kind === 'pod-seen' || kind === 'pod-ready')).toHaveLength(2);
    const few = journal.read(HOUR, 4).events.map(({ kind, seq }) => `${kind} ${seq}`);
    expect(few).toEqual(['pod-seen 0', 'pod-ready 1', 'link-failed 3000', 'link-failed 3001']);
  });

  it('is bounded and valid whatever happens', () => {
    const happening = fc.record({ detail: fc.string({ maxLength: 200 }), fails: fc.boolean(), stepMs: fc.nat(5_000) });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 300 }), fc.integer({ min: 1, max: 1_000 }), (all, limit) => {
        const { clock, journal } = start();
        for (const { detail, fails, stepMs } of all) {
          clock.freeze(stepMs);
          const to = fails ? 'reset' : 'ok';
          const sample = sampleOf({ outcome: to, detail });
          journal.onLinkChange({
            target: targetOf('uid-1'),
            from: fails ? 'ok' : 'reset',
            to,
            sample,
            previousForMs: stepMs,
          });
          journal.onProbe({ target: detail, protocol: 'tcp', error: fails ? 'x' : '', atMs: 1, durationUs: 1 });
        }
        const { events } = parsed(JSON.parse(JSON.stringify(journal.read(HOUR, limit))));
        expect(events.length).toBeLessThanOrEqual(limit);
        expect(events.map(({ ageMs }) => ageMs)).toEqual(events.map(({ ageMs }) => ageMs).sort((a, b) => b - a));
        expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length);
      }),
      { numRuns: 50 },
    );
  });
});
