import { expect, it } from 'vitest';
import { Cleanups, startOrCleanUp } from '../../../../deploy/local/cleanups.ts';

const failing = (message: string) => () => Promise.reject(new Error(message));

it('cleanups run once each, the last first, although one of them fails', async () => {
  const ran: string[] = [];
  const cleanups = new Cleanups();
  cleanups.add(() => ran.push('first'));
  cleanups.add(failing('cannot stop'));
  cleanups.add(async () => ran.push('last'));
  await expect(cleanups.run()).rejects.toThrow('cannot stop');
  expect(ran).toEqual(['last', 'first']);
  await cleanups.run();
  expect(ran).toEqual(['last', 'first']);
});

it('what started stays until it is stopped', async () => {
  const ran: string[] = [];
  const cleanups = await startOrCleanUp(async (added) => {
    added.add(() => ran.push('stopped'));
    return added;
  });
  expect(ran).toEqual([]);
  await cleanups.run();
  expect(ran).toEqual(['stopped']);
});

it('if the start fails, all that had started is stopped, and its reason is told, also if a cleanup fails', async () => {
  const ran: string[] = [];
  const start = (cleanup: () => unknown) =>
    startOrCleanUp(async (cleanups) => {
      cleanups.add(() => ran.push('stopped'));
      cleanups.add(cleanup);
      throw new RangeError('port 80 is in use');
    });
  await expect(start(() => {})).rejects.toEqual(new RangeError('port 80 is in use'));
  await expect(start(failing('cannot stop'))).rejects.toThrow('port 80 is in use. Cleaning up failed too: cannot stop');
  expect(ran).toEqual(['stopped', 'stopped']);
});
