import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import { lookedUp } from './gauges.ts';

/**
 * Registers figures about our own process, by the names that client libraries agree on
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own set watches the
 * garbage collector and every handle, which costs more than it tells.
 */
export function registerProcess(registry: Registry): void {
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
  lookedUp(registry, 'process_start_time_seconds', 'When this process started, seconds since the epoch.', () => startS);
  lookedUp(registry, 'process_resident_memory_bytes', 'Memory of this process that is in RAM.', () =>
    process.memoryUsage.rss(),
  );
  lookedUp(registry, 'nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  lookedUp(
    registry,
    'nodejs_heap_size_total_bytes',
    'JavaScript heap reserved.',
    () => process.memoryUsage().heapTotal,
  );
  lookedUp(registry, 'nodejs_external_memory_bytes', 'Memory outside the heap that JavaScript objects hold.', () => {
    return process.memoryUsage().external;
  });
  const maxFds = maxFdsOf();
  if (maxFds < 0) return;
  lookedUp(registry, 'process_open_fds', 'Open file descriptors.', openFds);
  lookedUp(registry, 'process_max_fds', 'The most file descriptors that may be open.', () => maxFds);
}

/** The one that reads the folder is not counted. */
function openFds(): number {
  try {
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}

/** The soft limit; -1 where there is no /proc, as on macOS. */
function maxFdsOf(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? -1);
  } catch {
    return -1;
  }
}
