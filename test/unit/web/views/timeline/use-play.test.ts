import { expect, test } from 'vitest';
import { replaying, STOPPED, stepped, withoutReplay, withSpeed } from '../../../../../web/views/timeline/use-play.ts';

const NOW_MS = 1_000_000;
const PLAYING = { ...STOPPED, playing: true };

test('plays 15 s of the past each second and ends at now', () => {
  expect(stepped(PLAYING, 400_000, NOW_MS)).toEqual({ play: PLAYING, atMs: 415_000 });
  expect(stepped(PLAYING, NOW_MS - 10_000, NOW_MS)).toEqual({ play: STOPPED, atMs: null });
});

test('a replay of a range is slow, ends at its end, and the speed is as before', () => {
  const play = replaying(replaying({ ...STOPPED, speed: 60 }, { fromMs: 0, toMs: 1 }), { fromMs: 2, toMs: 608_000 });
  expect(stepped(play, 600_000, NOW_MS)).toEqual({ play, atMs: 605_000 });
  expect(stepped(play, 605_000, NOW_MS)).toEqual({ play: { ...STOPPED, speed: 60 }, atMs: 608_000 });
  expect(withoutReplay(play)).toEqual({ playing: true, speed: 60, replay: null });
});

test('a speed that is chosen during a replay stays after it', () => {
  const play = withSpeed(replaying(STOPPED, { fromMs: 0, toMs: 600_000 }), 60);
  expect(play.speed).toBe(60);
  expect(withoutReplay(play).speed).toBe(60);
  expect(withSpeed(PLAYING, 5)).toEqual({ ...PLAYING, speed: 5 });
});
