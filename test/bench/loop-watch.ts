/** What the watch in the server's process reports. */
export interface LoopReport {
  /** The longest turn of the event loop, ms. */
  longestMs: number;
  /** Turns watched. */
  turns: number;
}

/**
 * Loaded into the server's process before it starts; idle until told `watch`, by which it takes a turn of the event loop
 * after the other until told `report`. A turn's length is the smaller of wall time and CPU time: the first includes
 * being kept waiting by other processes, the second the work of other threads.
 */
export const LOOP_WATCH = `
let watching = false, longest = 0, turns = 0, wall = 0, cpu = 0;
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const turn = () => {
  const nowWall = performance.now(), nowCpu = cpuMs();
  longest = Math.max(longest, Math.min(nowWall - wall, nowCpu - cpu));
  turns++;
  wall = nowWall; cpu = nowCpu;
  if (watching) setImmediate(turn);
};
process.on('message', (message) => {
  if (message === 'watch') {
    watching = true; longest = 0; turns = 0;
    setImmediate(() => { wall = performance.now(); cpu = cpuMs(); setImmediate(turn); });
  }
  if (message === 'report') { watching = false; process.send({ longestMs: longest, turns }); }
});
process.channel.unref();
`;
