import { expect, test } from 'vitest';
import type { PageStatus } from '../../../../web/app/headline.ts';
import { Announcer } from '../../../../web/app/live-region.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const CALM: PageStatus = {
  status: 'live',
  failing: [],
  failed: 0,
  slow: 0,
  external: 0,
  paths: 0,
  pods: 4,
  isHealthy: true,
  missing: 0,
  isStale: false,
};

const failing = (...labels: string[]) => labels.map((label) => ({ uid: `uid-${label}`, label }));

function setUp() {
  const clock = new FakeClock();
  const said: string[] = [];
  return { clock, said, announcer: new Announcer(clock, (sentence) => said.push(sentence)) };
}

test('the first status is not announced, nor an unchanged one; a change is announced at once', () => {
  const { said, announcer } = setUp();
  announcer.update({ ...CALM, status: 'connecting', pods: 0 });
  announcer.update(CALM);
  announcer.update({ ...CALM, status: 'polling' });
  expect(said).toEqual([]);
  announcer.update({ ...CALM, failing: failing('chaos'), failed: 3 });
  expect(said).toEqual(['chaos is failing.']);
});

test('changes within 5 s of an announcement are announced together, by the most severe one', async () => {
  const { clock, said, announcer } = setUp();
  announcer.update(CALM);
  announcer.update({ ...CALM, slow: 1 });
  await clock.advance(1000);
  announcer.update({ ...CALM, slow: 2, failing: failing('a'), failed: 3 });
  await clock.advance(1000);
  announcer.update({ ...CALM, slow: 4, failing: failing('a', 'b'), failed: 6 });
  await clock.advance(2999);
  expect(said).toHaveLength(1);
  await clock.advance(1);
  expect(said).toEqual(['1 link slow (was 0).', 'a, b are failing.']);
});

test('a change that is over before its announcement is not announced', async () => {
  const { clock, said, announcer } = setUp();
  announcer.update(CALM);
  announcer.update({ ...CALM, slow: 1 });
  announcer.update({ ...CALM, status: 'lost', slow: 1 });
  announcer.update({ ...CALM, slow: 1 });
  await clock.advance(60_000);
  expect(said).toEqual(['1 link slow (was 0).']);
  expect(clock.pending).toBe(0);
});

test('stop leaves no timer behind', async () => {
  const { clock, said, announcer } = setUp();
  announcer.update(CALM);
  announcer.update({ ...CALM, slow: 1 });
  announcer.update({ ...CALM, slow: 2 });
  announcer.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(60_000);
  expect(said).toHaveLength(1);
});
