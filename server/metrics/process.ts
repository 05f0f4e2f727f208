import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import { registerValues } from './gauges.ts';

/**
 * Registers metrics of our own process, with the names that client libraries agree on
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own set is not used,
 * because it also watches the garbage collector and every handle, which costs more than it tells.
 */
export function registerProcessMetrics(registry: Registry): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of this process, user and system.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  const startS = Date.now() / 1000 - process.uptime();
  registerValues(registry, {
    process_start_time_seconds: ['When this process started, seconds since the epoch.', () => startS],
    process_resident_memory_bytes: ['Memory of this process that is in RAM.', () => process.memoryUsage.rss()],
    nodejs_heap_size_used_bytes: ['JavaScript heap in use.', () => process.memoryUsage().heapUsed],
    nodejs_heap_size_total_bytes: ['JavaScript heap reserved.', () => process.memoryUsage().heapTotal],
    nodejs_external_memory_bytes: [
      'Memory outside the heap that JavaScript objects hold.',
      () => process.memoryUsage().external,
    ],
  });
  // macOS has no /proc.
  const maxFds = Number(
    /^Max open files\s+(\d+)/m.exec(tryTo(() => readFileSync('/proc/self/limits', 'utf8'), ''))?.[1],
  );
  if (!(maxFds >= 0)) return;
  registerValues(registry, {
    process_open_fds: [
      'Open file descriptors.',
      // Without the one that reads the folder. If there is none left to read it, all are open.
      () => tryTo(() => readdirSync('/proc/self/fd').length - 1, maxFds),
    ],
    process_max_fds: ['The largest number of file descriptors that may be open.', () => maxFds],
  });
}

function tryTo<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
