import { expect, test } from 'vitest';
import { Player } from '../../../../../web/views/timeline/use-play.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

const NOW_MS = 1_000_000;
const START_MS = 400_000;

/** A page that shows what the player chooses, at once. */
function setUp(atMs: number | null = null) {
  const clock = new FakeClock(NOW_MS);
  let state = { playing: false, speed: 0 };
  const page = { atMs, isThere: true };
  const player = new Player(clock, (next) => {
    state = next;
    show();
  });
  const show = (change: Partial<typeof page> = {}) => {
    Object.assign(page, change);
    player.show({ ...page, startMs: START_MS, nowMs: NOW_MS, onMoment: (chosenMs) => show({ atMs: chosenMs }) });
  };
  show();
  return { clock, player, page, show, state: () => state };
}

test('plays 15 s of the past each second, as soon as the picture is loaded, and ends at now', async () => {
  const { clock, player, page, show, state } = setUp();
  player.toggle();
  expect(page.atMs).toBe(START_MS);
  await clock.advance(1000);
  expect(page.atMs).toBe(START_MS + 15_000);
  show({ isThere: false });
  await clock.advance(10_000);
  expect(page.atMs).toBe(START_MS + 15_000);
  show({ isThere: true, atMs: NOW_MS - 10_000 });
  await clock.advance(1000);
  expect(page.atMs).toBeNull();
  expect(state().playing).toBe(false);
  expect(clock.pending).toBe(0);
});

test('ends when the reader returns to live, so that a later click on the track does not play', async () => {
  const { clock, player, page, show, state } = setUp();
  player.toggle();
  show({ atMs: null });
  expect(state().playing).toBe(false);
  show({ atMs: 500_000 });
  await clock.advance(5000);
  expect(page.atMs).toBe(500_000);
  player.toggle();
  expect(state().playing).toBe(true);
});

test('a replay ends at the end of its range, and the speed is as before', async () => {
  const { clock, player, page, state } = setUp();
  player.setSpeed(60);
  player.replay({ fromMs: 600_000, toMs: 608_000 });
  expect([page.atMs, state().speed]).toEqual([600_000, 5]);
  await clock.advance(3000);
  expect(page.atMs).toBe(608_000);
  expect(state()).toEqual({ playing: false, speed: 60 });
});

test('a time that the reader chooses during a replay is played on from, not left for the end of the replay', async () => {
  const { clock, player, page, show, state } = setUp();
  player.replay({ fromMs: 600_000, toMs: 630_000 });
  await clock.advance(1000);
  show({ atMs: 700_000 });
  expect(state()).toEqual({ playing: true, speed: 15 });
  await clock.advance(1000);
  expect(page.atMs).toBe(715_000);
});

test('a new picture of now does not delay the next step, and stop leaves no timer behind', async () => {
  const { clock, player, page, show } = setUp(500_000);
  player.toggle();
  await clock.advance(900);
  show();
  await clock.advance(100);
  expect(page.atMs).toBe(515_000);
  player.stop();
  expect(clock.pending).toBe(0);
});
