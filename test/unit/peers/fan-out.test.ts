import { describe, expect, it } from 'vitest';
import { FanOut } from '../../../server/peers/fan-out.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podsOf } from '../../support/mesh.ts';

describe('a fan-out', () => {
  it('calls pods that did not answer any of the questions last time at the end, until they answer', async () => {
    const fanOut = new FanOut({ checkAllTimeoutMs: 5_000 }, new FakeClock());
    const order = async (answers: (uid: string) => boolean) => {
      const called: string[] = [];
      await fanOut.run(podsOf(4), async ({ uid }) => {
        called.push(uid);
        return answers(uid);
      });
      return called;
    };
    expect(await order((uid) => uid !== 'uid-1')).toEqual(['uid-0', 'uid-1', 'uid-2', 'uid-3']);
    expect(await order(() => true)).toEqual(['uid-0', 'uid-2', 'uid-3', 'uid-1']);
    expect(await order(() => true)).toEqual(['uid-0', 'uid-1', 'uid-2', 'uid-3']);
  });

  it('tells each call when CHECK_ALL_TIMEOUT ends', async () => {
    const clock = new FakeClock();
    const endMs = clock.monotonicMs() + 5_000;
    const deadlines = new Set<number>();
    const done = new FanOut({ checkAllTimeoutMs: 5_000 }, clock).run(podsOf(9), async (_, deadlineMs) => {
      deadlines.add(deadlineMs);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 200));
      return true;
    });
    await clock.advance(2_000);
    await done;
    expect([...deadlines]).toEqual([endMs]);
    expect(clock.pending).toBe(0);
  });
});
