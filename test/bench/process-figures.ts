import { readdirSync, readFileSync } from 'node:fs';

/** What the system has counted for a process. A figure that the system does not tell is NaN. */
export interface ProcessFigures {
  /** CPU time of all its threads since their start, ms. */
  cpuMs: number;
  /** How often its threads have waited for something and were woken up. */
  wakeUps: number;
  /** Resident memory now, and its peak, MiB. */
  rssMiB: number;
  peakRssMiB: number;
}

/**
 * Reads what Linux tells of a process: CPU time in ns from the `schedstat` of each thread (kernel documentation,
 * scheduler/sched-stats), the rest from its `status` (proc_pid_status(5)). A thread that has ended is not counted any more;
 * the processes that are measured end none while they are watched.
 */
export function figuresOfProcess(pid: number): ProcessFigures {
  const threads = threadsOf(`/proc/${pid}/task`);
  const status = textOf(`/proc/${pid}/status`);
  return {
    cpuMs: sumOf(threads, (thread) => runMsOf(textOf(`${thread}/schedstat`))),
    wakeUps: sumOf(threads, (thread) => statusNumber(textOf(`${thread}/status`), 'voluntary_ctxt_switches')),
    rssMiB: statusNumber(status, 'VmRSS') / 1024,
    peakRssMiB: statusNumber(status, 'VmHWM') / 1024,
  };
}

/** The first number of a `schedstat`: how long the thread has run, there in ns, here in ms. NaN if there is none. */
function runMsOf(schedstat: string): number {
  const [ns = ''] = schedstat.split(' ', 1);
  return /^\d+$/.test(ns) ? Number(ns) / 1e6 : Number.NaN;
}

/** A number of a `status` file, in its own unit; NaN if the file does not have it. */
function statusNumber(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status);
  return match === null ? Number.NaN : Number(match[1]);
}

function threadsOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

/** NaN without threads: the process has ended, or the system has no /proc. */
function sumOf(threads: readonly string[], numberOf: (thread: string) => number): number {
  if (threads.length === 0) return Number.NaN;
  return threads.map(numberOf).reduce((sum, one) => sum + one, 0);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
