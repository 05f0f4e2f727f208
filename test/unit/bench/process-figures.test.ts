import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { figuresOfProcess, runMsOf, statusNumber } from '../../bench/process-figures.ts';

describe('what /proc tells of a process', () => {
  let proc = '';
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'proc-'));
  });
  afterEach(() => rmSync(proc, { recursive: true }));

  function addThread(id: number, ns: number, switches: number): void {
    const folder = join(proc, '7/task', String(id));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'schedstat'), `${ns} 250000000 12\n`);
    writeFileSync(
      join(folder, 'status'),
      `Name:\tnode\nvoluntary_ctxt_switches:\t${switches}\nnonvoluntary_ctxt_switches:\t900\n`,
    );
  }

  it('adds up CPU time and wake-ups of all threads, and reads memory of the process', () => {
    addThread(7, 1_500_000_000, 40);
    addThread(8, 500_000_000, 2);
    writeFileSync(join(proc, '7/status'), 'Name:\tnode\nVmHWM:\t   66560 kB\nVmRSS:\t   61440 kB\n');
    expect(figuresOfProcess(7, proc)).toEqual({ cpuMs: 2000, wakeUps: 42, rssMiB: 60, peakRssMiB: 65 });
  });

  it('says NaN of a process that has ended', () => {
    expect(figuresOfProcess(7, proc)).toEqual({
      cpuMs: Number.NaN,
      wakeUps: Number.NaN,
      rssMiB: Number.NaN,
      peakRssMiB: Number.NaN,
    });
  });

  it.each(['', 'x 1 2', '-5 1 2'])('says NaN of the schedstat %j', (text) => {
    expect(runMsOf(text)).toBeNaN();
  });

  it('does not take one field for another that ends with its name', () => {
    expect(statusNumber('nonvoluntary_ctxt_switches:\t9\n', 'voluntary_ctxt_switches')).toBeNaN();
  });
});
