import { expect, test } from 'vitest';
import { NewestOnly } from '../../../../web/components/newest-only.ts';

function setUp() {
  const runs: { input: number; signal: AbortSignal; end(): Promise<void> }[] = [];
  const newest = new NewestOnly<number>((input, signal) => {
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    runs.push({
      input,
      signal,
      end: async () => {
        resolve();
        await promise;
        await null;
      },
    });
    return promise;
  });
  return { newest, runs };
}

test('a run ends although newer inputs come; only the last of them is run then', async () => {
  const { newest, runs } = setUp();
  for (const input of [1, 2, 3]) newest.offer(input);
  expect(runs.map(({ input }) => input)).toEqual([1]);
  expect(runs[0]?.signal.aborted).toBe(false);
  await runs[0]?.end();
  expect(runs.map(({ input }) => input)).toEqual([1, 3]);
  await runs[1]?.end();
  newest.offer(4);
  expect(runs.map(({ input }) => input)).toEqual([1, 3, 4]);
});

test('stop aborts the run, and nothing is run after it', async () => {
  const { newest, runs } = setUp();
  newest.offer(1);
  newest.offer(2);
  newest.stop();
  expect(runs[0]?.signal.aborted).toBe(true);
  await runs[0]?.end();
  newest.offer(3);
  expect(runs).toHaveLength(1);
});
