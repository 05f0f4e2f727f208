import { expect, test } from 'vitest';
import { NONE16 } from '../../../../server/protocol/links.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import type { Scenario } from '../../../support/feed/plan.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { pictureOf } from '../pictures.ts';

const factsOf = (scenario: Scenario, from: number, to: number, pods = 4) =>
  linkFacts(pictureOf({ pods, scenario, windowMs: 60_000 }), from, to);

test('a slow link has its phases, its window and since when', () => {
  const facts = factsOf('slow-pod', 0, 3);
  expect(facts).toMatchObject({ state: 'slow', outcome: 'ok', phase: null, missing: '', family: 4 });
  expect(facts.connectUs).toBeLessThan(1000);
  expect(facts.firstByteUs).toBeGreaterThan(250_000);
  expect(facts.stats).toMatchObject({ samples: 30, failures: 0 });
  const report = meshOf({ pods: 4, scenario: 'slow-pod' }).reports[0]!;
  expect(report.atMs - facts.sinceMs).toBeCloseTo(150_000, -2);
});

test('a failed link has its outcome, its phase and its words', () => {
  expect(factsOf('dead-pod', 0, 3)).toMatchObject({
    state: 'failed',
    outcome: 'refused',
    phase: 'connect',
    connectUs: -1,
    detail: 'connect ECONNREFUSED',
  });
});

test('where nothing was measured nothing is claimed, and why is said', () => {
  const nothing = { outcome: null, totalUs: -1, sinceMs: -1, stats: null };
  expect(factsOf('dead-pod', 3, 0)).toMatchObject({ ...nothing, state: 'unknown', missing: 'refused' });
  expect(factsOf('lifecycles', 0, 5, 6)).toMatchObject({ ...nothing, state: 'not-yet', missing: '' });
  expect(factsOf('lifecycles', 2, 0, 6)).toMatchObject({ ...nothing, state: 'not-yet' });
});

test("Goldpinger's whole milliseconds come without phases", () => {
  expect(factsOf('check-only', 0, 1)).toMatchObject({ outcome: 'ok', connectUs: -1, firstByteUs: -1, totalUs: 0 });
});

test('times that a report does not have are not known, instead of being the time of the report', () => {
  const picture = pictureOf({ pods: 4, scenario: 'check-only' }, ({ reports }) => {
    for (const { links } of reports) {
      links.sinceMs.fill(NONE16);
      links.ageMs.fill(NONE16);
    }
  });
  expect(linkFacts(picture, 0, 1)).toMatchObject({ outcome: 'ok', sinceMs: -1, sampledMs: -1 });
});

test('what the UDP probe measured is a fact of the link; without the probe there is none', () => {
  expect(factsOf('healthy', 0, 3).udp).toBeNull();
  expect(factsOf('lossy', 0, 3).udp).toMatchObject({ sent: 300, lost: 60, hops: 2 });
  expect(factsOf('lossy', 0, 3).udp?.rttUs).toBeGreaterThan(0);
  expect(factsOf('lossy', 0, 1).udp).toMatchObject({ sent: 300, lost: 0 });
});
