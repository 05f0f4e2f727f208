import { expect, test } from 'vitest';
import { parseEvents } from '../../../server/protocol/event.ts';
import { parseLinkHistory, parseMeshHistory } from '../../../server/protocol/history.ts';
import { eventsOf, historyOf, linkHistoryOf } from '../../support/feed/mesh-past.ts';
import { SCENARIOS } from '../../support/feed/plan.ts';
import { FEED_TIME_MS, meshOf } from '../../support/feed/scenarios.ts';

const span = { fromMs: FEED_TIME_MS - 600_000, toMs: FEED_TIME_MS };

test('a slow report was well until it became slow', () => {
  const mesh = meshOf({ pods: 4, scenario: 'slow-pod' });
  const history = historyOf(mesh, span, 10_000);
  // Slow for 150 s, as near as a packed duration tells: 4 of 16 links.
  const slow = history.byLatency.map((bins) => bins.slice(15).reduce((sum, count) => sum + count, 0));
  expect(new Set(slow.slice(0, 44))).toEqual(new Set([0]));
  expect(new Set(slow.slice(46))).toEqual(new Set([4]));
  expect(history.byLatency.map((bins) => bins.reduce((sum, count) => sum + count, 0))).toEqual(new Array(60).fill(16));
  expect(eventsOf(mesh, span).events).toMatchObject([
    { kind: 'link-slow', pod: { name: 'goldpinger-chaos' }, fromCount: 4 },
  ]);
});

test.each(SCENARIOS)('what led to %s is as the contract has it, and ends as it is now', (scenario) => {
  const mesh = meshOf({ pods: 40, scenario });
  const history = parseMeshHistory(historyOf(mesh, span, 5000));
  const failed = mesh.reports.flatMap(({ links }) => [...links.outcome]).filter((outcome) => outcome !== 0).length;
  expect(history.failed.at(-1)).toBe(failed);
  const { events } = parseEvents(eventsOf(mesh, span));
  // Links to a pod that has gone fail, too, but that it has gone is told already.
  if (failed > 0)
    expect(events.map(({ kind }) => kind)).toContain(scenario === 'lifecycles' ? 'pod-replaced' : 'link-failed');
});

test.each(['slow-pod', 'dead-pod'] as const)('of one link in %s it tells when it fell ill', (scenario) => {
  const mesh = meshOf({ pods: 4, scenario });
  const { steps } = parseLinkHistory(linkHistoryOf(mesh, 'uid-0000', 'uid-0003', 60_000));
  const isIll = ({ p50Us }: { p50Us: number }) => p50Us < 0 || p50Us > 100_000;
  expect(steps).toHaveLength(60);
  expect(isIll(steps[30]!)).toBe(false);
  expect(isIll(steps[59]!)).toBe(true);
  expect(parseLinkHistory(linkHistoryOf(mesh, 'uid-0000', 'uid-0001', 60_000)).steps.some(isIll)).toBe(false);
});
