import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContainerLog } from '../../../../../deploy/local/kubelet/container-log.ts';

describe('the log of a container', () => {
  it('consists of lines, however the output is split', () => {
    const log = new ContainerLog('', () => 7);
    const followed: string[] = [];
    log.follow(
      (line) => followed.push(line.text),
      () => followed.push('(end)'),
    );
    const text = Buffer.from('one\ntwo ü\nlast');
    for (const byte of text) log.append(Buffer.from([byte]));
    expect(log.lines(false).map((line) => line.text)).toEqual(['one', 'two ü']);
    log.close();
    expect(followed).toEqual(['one', 'two ü', 'last', '(end)']);
  });

  it('keeps the previous run, and stays within its limits', () => {
    const log = new ContainerLog('', () => 0);
    log.append(Buffer.from('old\n'));
    log.beginRun();
    log.append(Buffer.from(`${'x'.repeat(20_000)}\n`));
    for (let i = 0; i < 3000; i++) log.append(Buffer.from(`${i}\n`));
    expect(log.lines(true).map((line) => line.text)).toEqual(['old']);
    expect(log.lines(false)).toHaveLength(2000);
    expect(log.lines(false).at(-1)?.text).toBe('2999');
  });

  it('is written to a file of limited size', () => {
    const folder = mkdtempSync(join(tmpdir(), 'goldpinger-log-'));
    try {
      const log = new ContainerLog(join(folder, 'a.log'), () => 0);
      const chunk = Buffer.from('y'.repeat(200_000).concat('\n'));
      for (let i = 0; i < 20; i++) log.append(chunk);
      expect(readdirSync(folder).sort()).toEqual(['a.log', 'a.log.1']);
      for (const name of readdirSync(folder))
        expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1024 * 1024);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
