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

  it('gives a pod that did not answer 200 ms, and the whole time every 30 s, or once it answers a ping', async () => {
    const clock = new FakeClock();
    const fanOut = new FanOut({ checkAllTimeoutMs: 5_000 }, clock);
    const timeOf = async (answers: boolean | null) => {
      let timeMs = 0;
      await fanOut.run(podsOf(1), async (_, deadlineMs) => {
        timeMs = deadlineMs - clock.monotonicMs();
        return answers;
      });
      return timeMs;
    };
    expect([await timeOf(false), await timeOf(false), await timeOf(false)]).toEqual([5_000, 200, 200]);
    // A question that it was not asked itself says nothing about it.
    expect([await timeOf(null), await timeOf(false)]).toEqual([200, 200]);
    await clock.advance(30_000);
    expect([await timeOf(false), await timeOf(false)]).toEqual([5_000, 200]);
    fanOut.noteAnswer('uid-0');
    expect([await timeOf(false), await timeOf(true), await timeOf(true)]).toEqual([5_000, 200, 5_000]);
  });

  it('remembers the last 5000 pods that did not answer', async () => {
    const fanOut = new FanOut({ checkAllTimeoutMs: 5_000 }, new FakeClock());
    await fanOut.run(podsOf(5_001), async () => false);
    expect(['uid-0', 'uid-1', 'uid-5000'].map((uid) => fanOut.isSilent(uid))).toEqual([false, true, true]);
  });
});
