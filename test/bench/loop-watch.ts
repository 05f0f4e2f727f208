/** What the watch in the server's process reports. */
export interface LoopReport {
  /** The longest turn of the event loop, ms. */
  longestMs: number;
  /** The longest pause of the garbage collector, which is part of some turn, ms. */
  longestGcMs: number;
}

/**
 * Loaded into the server's process before it starts; idle until told `watch`, by which it takes a turn of the event loop
 * after the other until told `report`. A turn's length is the smaller of wall time and CPU time: the first includes
 * being kept waiting by other processes, the second the work of other threads.
 */
export const LOOP_WATCH = `
const { PerformanceObserver } = require('node:perf_hooks');
let watching = false, longest = 0, gc = 0, wall = 0, cpu = 0;
const take = (entries) => { for (const { duration } of entries) gc = Math.max(gc, duration); };
const observer = new PerformanceObserver((list) => take(list.getEntries()));
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const turn = () => {
  const nowWall = performance.now(), nowCpu = cpuMs();
  longest = Math.max(longest, Math.min(nowWall - wall, nowCpu - cpu));
  wall = nowWall; cpu = nowCpu;
  if (watching) setImmediate(turn);
};
process.on('message', (message) => {
  if (message === 'watch') {
    watching = true; longest = 0; gc = 0;
    observer.observe({ entryTypes: ['gc'] });
    setImmediate(() => { wall = performance.now(); cpu = cpuMs(); setImmediate(turn); });
  }
  if (message === 'report') {
    watching = false;
    take(observer.takeRecords());
    observer.disconnect();
    process.send({ longestMs: longest, longestGcMs: gc });
  }
});
process.channel.unref();
`;
