import { expect, it } from 'vitest';
import { runAll, startOrCleanUp } from '../../../../deploy/local/cleanups.ts';

const failing = (message: string) => () => Promise.reject(new Error(message));

it('cleanups run once each, the last first, although one of them fails', async () => {
  const ran: string[] = [];
  const cleanups = [() => ran.push('first'), failing('cannot stop'), async () => ran.push('last')];
  await expect(runAll(cleanups)).rejects.toThrow('cannot stop');
  await runAll(cleanups);
  expect(ran).toEqual(['last', 'first']);
});

it('what started stays; if the start fails, all is stopped and its reason is told, also if a cleanup fails', async () => {
  const ran: string[] = [];
  const start = (cleanup: () => unknown, fault?: Error) =>
    startOrCleanUp(async (cleanups) => {
      cleanups.push(() => ran.push('stopped'), cleanup);
      if (fault) throw fault;
    });
  await start(() => {});
  expect(ran).toEqual([]);
  const fault = new RangeError('port 80 is in use');
  await expect(start(() => {}, fault)).rejects.toEqual(fault);
  await expect(start(failing('cannot stop'), fault)).rejects.toThrow(
    'port 80 is in use. Cleaning up failed too: cannot stop',
  );
  expect(ran).toEqual(['stopped', 'stopped']);
});
