import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventJournal } from '../../../server/events/journal.ts';
import { PodLifetimes } from '../../../server/events/pod-lifetimes.ts';
import { parseJournalSliced } from '../../../server/protocol/event.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { Outcome } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parsedBy } from '../../support/generator.ts';
import { podOf, snapshotOf, statusOf } from '../../support/mesh.ts';
import { sampleOf, targetOf } from '../../support/samples.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function start() {
  const clock = new FakeClock();
  const starvation = { unreliable: false, sinceMs: 0 };
  const settings = { historyWindowMs: HOUR, goneRetentionMs: 5 * MINUTE };
  const journal = new EventJournal({
    ...settings,
    clock,
    random: () => 0.5,
    starvation: () => starvation,
    starvedTimes: () => [],
    standstills: () => [],
  });
  const lifetimes = new PodLifetimes(settings, clock);
  const takePods = (...pods: Pod[]) => journal.onPods(lifetimes.update(snapshotOf(pods)));
  const kinds = () => journal.read(HOUR).events.map(({ kind }) => kind);
  const linkKinds = () => kinds().filter((kind) => kind.startsWith('link-'));
  /** Takes pod 1, which has just been created. */
  const takeNew = () => {
    const pod = podOf(1, { createdMs: clock.nowMs(), sinceMs: clock.nowMs() });
    takePods(pod);
    return pod;
  };
  const setStarved = (unreliable: boolean, sinceMs = clock.nowMs()) => {
    Object.assign(starvation, { unreliable, sinceMs });
    journal.checkStarvation();
  };
  const link = (from: Outcome | 'unknown', to: Outcome, detail = 'why') =>
    journal.onLinkChange({
      target: targetOf('uid-1'),
      from,
      to,
      previousForMs: 12_340,
      sample: sampleOf({ outcome: to, phase: to === 'ok' ? null : 'connect', totalUs: 700, detail }),
    });
  return { clock, journal, starvation, setStarved, takePods, takeNew, kinds, linkKinds, link };
}

const lastError = { fault: 'refused' as const, message: 'connect refused', atMs: 0 };
const lost = statusOf({ phase: 'stale', lastError });
const synced = statusOf({ phase: 'synced' });

/** A journal as another process reads it. */
const parsed = (journal: object) => parsedBy(parseJournalSliced, JSON.parse(JSON.stringify(journal))).value;

describe('events of pods', () => {
  it('are entered once each, with the time of the API: seen, ready, not ready, terminating, gone, replaced', async () => {
    const { clock, journal, takePods } = start();
    const bornMs = clock.nowMs() - MINUTE;
    const pod = podOf(1, { createdMs: bornMs, sinceMs: bornMs + 30_000 });
    takePods(pod);
    takePods(pod);
    await clock.advance(10_500);
    takePods({ ...pod, lifecycle: 'not-ready', sinceMs: clock.nowMs() - 500 });
    takePods({ ...pod, lifecycle: 'terminating', sinceMs: clock.nowMs() - 500 });
    await clock.advance(1_250);
    const gone: Pod = { ...pod, lifecycle: 'gone', sinceMs: clock.nowMs(), reason: 'Evicted' };
    takePods(gone);
    const next = podOf(2, { createdMs: clock.nowMs() - 750, sinceMs: clock.nowMs() - 750, lifecycle: 'starting' });
    takePods({ ...gone, replacedBy: next.uid }, next);
    await clock.advance(1_000);
    const { events } = parsed(journal.read(HOUR));
    expect(
      events.map(({ kind, pod: about, ageMs, apiTimeMs, detail }) => [kind, about?.name, ageMs, apiTimeMs, detail]),
    ).toEqual([
      ['pod-seen', 'pod-1', MINUTE + 12_750, bornMs, ''],
      ['pod-ready', 'pod-1', 42_750, bornMs + 30_000, ''],
      ['pod-not-ready', 'pod-1', 2_750, bornMs + MINUTE + 10_000, ''],
      ['pod-terminating', 'pod-1', 2_750, bornMs + MINUTE + 10_000, ''],
      ['pod-replaced', 'pod-1', 1_750, next.createdMs, 'pod-2'],
      ['pod-seen', 'pod-2', 1_750, next.createdMs, ''],
      ['pod-gone', 'pod-1', 1_000, 0, 'Evicted'],
    ]);
  });

  it('that are older than the history window are not entered', () => {
    const { takePods, kinds, clock } = start();
    takePods(podOf(1, { createdMs: clock.nowMs() - 2 * HOUR, sinceMs: clock.nowMs() - HOUR - 1 }));
    expect(kinds()).toEqual([]);
  });
});

describe('events of links', () => {
  it('are one failure, however the link goes on failing, and one recovery; also of a link that never worked', () => {
    const never = start();
    never.link('unknown', 'refused');
    expect(never.kinds()).toEqual(['link-failed']);
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

  it('are one failure too if the link is not probed for a while and fails still; when it recovered meanwhile is not known', () => {
    const { link, linkKinds } = start();
    link('ok', 'refused');
    link('unknown', 'timeout');
    expect(linkKinds()).toEqual(['link-failed']);
    link('unknown', 'ok');
    expect(linkKinds()).toEqual(['link-failed']);
    link('unknown', 'refused');
    link('refused', 'ok');
    expect(linkKinds()).toEqual(['link-failed', 'link-failed', 'link-recovered']);
  });

  it('name the start of the run in which a link became slow or normal, or began to lose datagrams or ended to', async () => {
    const { clock, journal } = start();
    const sinceMs = clock.monotonicMs();
    await clock.advance(90_000);
    const target = targetOf('uid-1');
    journal.onSpeedChange({ target, isSlow: true, sinceMs, totalUs: 110_000 });
    journal.onSpeedChange({ target, isSlow: false, sinceMs: sinceMs + 2_000, totalUs: 300 });
    journal.onLossChange({ target, isLossy: true, sinceMs: sinceMs + 10_000, share: 0.196 });
    journal.onLossChange({ target, isLossy: false, sinceMs: sinceMs + 30_000, share: 0 });
    expect(journal.read(HOUR).events).toMatchObject([
      { kind: 'link-slow', pod: { uid: 'uid-1' }, totalUs: 110_000, ageMs: 90_000 },
      { kind: 'link-normal', totalUs: 300, ageMs: 88_000 },
      { kind: 'link-lossy', pod: { uid: 'uid-1' }, totalUs: -1, detail: '20 %', ageMs: 80_000 },
      { kind: 'link-loss-over', detail: '', ageMs: 60_000 },
    ]);
  });

  it('do not tell what begins in a link into a terminating pod, which is its departure; but the end of what began before', () => {
    const { link, takePods, takeNew, linkKinds, clock, journal } = start();
    const pod = takeNew();
    link('ok', 'timeout');
    takePods({ ...pod, lifecycle: 'terminating' });
    link('timeout', 'ok');
    expect(linkKinds()).toEqual(['link-failed', 'link-recovered']);
    const loss = { target: targetOf('uid-1'), sinceMs: clock.monotonicMs(), share: 1 };
    link('ok', 'refused');
    journal.onLossChange({ ...loss, isLossy: true });
    // It comes back to life, as after a node that was cut off: what did not begin does not end.
    link('refused', 'ok');
    journal.onLossChange({ ...loss, isLossy: false });
    expect(linkKinds()).toHaveLength(2);
  });
});

describe('events of the API, of starvation and of external probes', () => {
  it('have starvation also when no sample comes, with the time when it began', async () => {
    const { clock, journal, starvation, kinds } = start();
    expect(kinds()).toEqual([]);
    Object.assign(starvation, { unreliable: true, sinceMs: clock.nowMs() + 1_000 });
    await clock.advance(30_000);
    expect(journal.read(HOUR).events).toMatchObject([{ kind: 'cpu-starved', ageMs: 29_000 }]);
  });

  it('tell for any past moment whether this process was starved, and whether the API was lost', async () => {
    const { clock, journal, setStarved } = start();
    const beginMs = clock.nowMs();
    expect([journal.starvedAt(0), journal.apiLostAt(0)]).toEqual([{ unreliable: false, sinceMs: 0 }, null]);
    for (const unreliable of [true, false]) {
      await clock.advance(10_000);
      setStarved(unreliable);
      journal.onDiscovery(unreliable ? lost : synced);
    }
    await clock.advance(10_000);
    const [starvedMs, recoveredMs] = [beginMs + 10_000, beginMs + 20_000];
    expect(journal.starvedAt(5_000)).toEqual({ unreliable: false, sinceMs: recoveredMs });
    expect(journal.starvedAt(15_000)).toEqual({ unreliable: true, sinceMs: starvedMs });
    expect(journal.starvedAt(25_000)).toEqual({ unreliable: false, sinceMs: 0 });
    expect([5_000, 15_000, 25_000].map((ageMs) => journal.apiLostAt(ageMs))).toEqual([null, starvedMs, null]);
  });

  it('tell that also after thousands of changes of pods', async () => {
    const { clock, journal, setStarved, takePods } = start();
    const beginMs = clock.nowMs();
    setStarved(true);
    journal.onDiscovery(lost);
    for (let i = 0; i < 3_000; i++) {
      takePods(podOf(1, { lifecycle: i % 2 === 0 ? 'ready' : 'not-ready', sinceMs: clock.nowMs() }));
      clock.freeze(1_000);
    }
    expect(journal.read(HOUR).truncated).toBe(true);
    expect([journal.starvedAt(0), journal.apiLostAt(0)]).toEqual([{ unreliable: true, sinceMs: beginMs }, beginMs]);
    expect(journal.read(HOUR).events.map(({ kind }) => kind)).not.toContain('cpu-recovered');
  });

  it('are entered once at the beginning and once at the end', () => {
    const { journal, setStarved, kinds } = start();
    for (const status of [statusOf({ phase: 'waiting' }), synced, lost, { ...lost, attempts: 2 }])
      journal.onDiscovery(status);
    // Discovery starts again from the beginning: the API is not back yet.
    for (const phase of ['stale', 'waiting'] as const) journal.onDiscovery(statusOf({ phase, lastError: null }));
    expect(kinds()).toEqual(['api-lost']);
    journal.onDiscovery(synced);
    for (const unreliable of [false, true, true, false]) setStarved(unreliable);
    const probe = { target: 'example.org', protocol: 'dns' as const, atMs: 1, durationUs: 5 };
    for (const error of ['', 'no such host', 'late', '']) journal.onProbe({ ...probe, error });
    expect(journal.read(HOUR).events.map(({ kind, detail }) => `${kind} ${detail}`)).toEqual([
      'api-lost connect refused',
      'api-back ',
      'cpu-starved ',
      'cpu-recovered ',
      'probe-failed dns example.org',
      'probe-recovered dns example.org',
    ]);
  });

  it('name the path that a check is of, how it failed, and tell targets apart that differ beyond what is quoted', () => {
    const { journal } = start();
    const target = `http://example.org/${'x'.repeat(300)}`;
    const check = { target, protocol: 'http' as const, atMs: 1, durationUs: 5 };
    for (let round = 0; round < 3; round++) {
      for (const path of [{}, { path: 'service' }, { path: 'service-ip' }] as const)
        journal.onProbe({ ...check, ...path, error: 'refused', outcome: 'refused' });
      journal.onProbe({ ...check, target: `${target}2`, error: '' });
    }
    const { events } = journal.read(HOUR);
    expect(events.map(({ detail, outcome }) => `${detail.slice(0, 30)} ${outcome}`)).toEqual([
      'http http://example.org/xxxxxx refused',
      'Service by name, http://exampl refused',
      'Service by IP, http://example. refused',
    ]);
  });

  it('include an API that was never reachable', () => {
    const { journal, kinds } = start();
    journal.onDiscovery({ ...lost, phase: 'waiting' });
    journal.onDiscovery(synced);
    expect(kinds()).toEqual(['api-lost', 'api-back']);
  });
});

describe('a journal', () => {
  it('gives the entries up to the requested age, whatever the wall clock does', async () => {
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

  it('keeps all other entries when all links fail at once, and says that it has dropped some', () => {
    const { journal, link, takeNew } = start();
    takeNew();
    for (let i = 0; i < 3_000; i++) link('ok', 'timeout');
    const all = journal.read(HOUR);
    expect(all.truncated).toBe(true);
    expect(all.events).toHaveLength(1_000);
    // No entry about starvation was dropped.
    expect(journal.starvedAt(0)).toEqual({ unreliable: false, sinceMs: 0 });
    expect(all.events.filter(({ kind }) => kind === 'pod-seen' || kind === 'pod-ready')).toHaveLength(2);
    const few = journal.read(HOUR, 4).events.map(({ kind, seq }) => `${kind} ${seq}`);
    expect(few).toEqual(['pod-seen 0', 'pod-ready 1', 'link-failed 3000', 'link-failed 3001']);
  });

  it('is bounded and valid whatever happens', () => {
    const incident = fc.record({ detail: fc.string({ maxLength: 200 }), fails: fc.boolean(), stepMs: fc.nat(5_000) });
    fc.assert(
      fc.property(fc.array(incident, { maxLength: 300 }), fc.integer({ min: 1, max: 1_000 }), (all, limit) => {
        const { clock, journal, link } = start();
        for (const { detail, fails, stepMs } of all) {
          clock.freeze(stepMs);
          link(fails ? 'ok' : 'reset', fails ? 'reset' : 'ok', detail);
          journal.onProbe({ target: detail, protocol: 'tcp', error: fails ? 'x' : '', atMs: 1, durationUs: 1 });
        }
        const { events } = parsed(journal.read(HOUR, limit));
        expect(events.length).toBeLessThanOrEqual(limit);
        expect(events.map(({ ageMs }) => ageMs)).toEqual(events.map(({ ageMs }) => ageMs).sort((a, b) => b - a));
        expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length);
      }),
      { numRuns: 50 },
    );
  });
});
