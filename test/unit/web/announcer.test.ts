import { expect, test } from 'vitest';
import { Announcer } from '../../../web/data/announcer.ts';
import type { Told } from '../../../web/pure/changes.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CALM: Told = { status: 'live', failing: [], failed: 0, slow: 0, external: 0, pods: 4 };

function setUp() {
  const clock = new FakeClock();
  const said: string[] = [];
  return { clock, said, announcer: new Announcer(clock, (sentence) => said.push(sentence)) };
}

test('the first picture is no change, nor is one that says the same; a change is said at once', () => {
  const { said, announcer } = setUp();
  announcer.tell({ ...CALM, status: 'connecting', pods: 0 });
  announcer.tell(CALM);
  announcer.tell({ ...CALM, status: 'polling' });
  expect(said).toEqual([]);
  announcer.tell({ ...CALM, failing: ['chaos'], failed: 3 });
  expect(said).toEqual(['chaos is failing.']);
});

test('changes within 5 s of a sentence are told in one, by the gravest, as it is then', async () => {
  const { clock, said, announcer } = setUp();
  announcer.tell(CALM);
  announcer.tell({ ...CALM, slow: 1 });
  await clock.advance(1000);
  announcer.tell({ ...CALM, slow: 2, failing: ['a'], failed: 3 });
  await clock.advance(1000);
  announcer.tell({ ...CALM, slow: 4, failing: ['a', 'b'], failed: 6 });
  await clock.advance(2999);
  expect(said).toHaveLength(1);
  await clock.advance(1);
  expect(said).toEqual(['1 link slow (was 0).', 'a, b are failing.']);
});

test('what is over before its turn comes is not said', async () => {
  const { clock, said, announcer } = setUp();
  announcer.tell(CALM);
  announcer.tell({ ...CALM, slow: 1 });
  announcer.tell({ ...CALM, status: 'lost', slow: 1 });
  announcer.tell({ ...CALM, slow: 1 });
  await clock.advance(60_000);
  expect(said).toEqual(['1 link slow (was 0).']);
  expect(clock.pending).toBe(0);
});

test('stopped, it leaves no timer behind', async () => {
  const { clock, said, announcer } = setUp();
  announcer.tell(CALM);
  announcer.tell({ ...CALM, slow: 1 });
  announcer.tell({ ...CALM, slow: 2 });
  announcer.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(60_000);
  expect(said).toHaveLength(1);
});
