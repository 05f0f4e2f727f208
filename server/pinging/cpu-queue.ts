import { closeSync, openSync, readSync } from 'node:fs';

/** How long this process's main thread has been ready to run, but had no CPU. */
export interface CpuQueue {
  /** Ms so far, with a fraction; always 0 where the system does not tell. */
  waitedMs(): number;
  close(): void;
}

/**
 * Opens Linux' account of the main thread: the second number of `/proc/PID/task/TID/schedstat` is the time spent waiting
 * on a run queue in ns (kernel documentation, scheduler/sched-stats). It includes what a container's CPU limit takes
 * away, which the event loop itself takes for waiting. Elsewhere there is no such account.
 */
export function openCpuQueue(path = `/proc/self/task/${process.pid}/schedstat`): CpuQueue {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return { waitedMs: () => 0, close() {} };
  }
  const buffer = Buffer.alloc(64);
  let closed = false;
  return {
    waitedMs() {
      if (closed) return 0;
      const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
      return Number(text.split(' ', 2)[1] ?? 0) / 1e6 || 0;
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(file);
    },
  };
}
