import { expect, it } from 'vitest';
import { runAll } from '../../../../deploy/local/cleanups.ts';

it('cleanups run once each, the last first, although one of them fails', async () => {
  const ran: string[] = [];
  const failing = () => Promise.reject(new Error('cannot stop'));
  const cleanups = [() => ran.push('first'), failing, async () => ran.push('last')];
  await expect(runAll(cleanups)).rejects.toThrow('cannot stop');
  await runAll(cleanups);
  expect(ran).toEqual(['last', 'first']);
});
