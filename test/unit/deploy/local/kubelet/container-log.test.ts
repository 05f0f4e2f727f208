import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ContainerLog } from '../../../../../deploy/local/kubelet/container-log.ts';

it('the log of a container keeps the run before, and stays within its limits, in memory and in its file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'goldpinger-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = new ContainerLog(join(folder, 'a.log'), () => 7);
  log.add('old');
  log.beginRun();
  for (let i = 0; i < 3000; i++) log.add(`${i} ${'x'.repeat(20_000)}`);
  expect(log.lines(true)).toEqual([{ atMs: 7, text: 'old' }]);
  expect(log.lines(false)).toHaveLength(2000);
  expect(log.lines(false).at(-1)?.text).toBe(`2999 ${'x'.repeat(8192 - 5)}`);
  expect(readdirSync(folder).sort()).toEqual(['a.log', 'a.log.1']);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1024 * 1024);
});
