import type { ServerResponse } from 'node:http';

/**
 * Resolves when the reader has taken what was written, or has gone. Leaves no listener behind: a stream waits thousands
 * of times, and `events.once` in a race would keep the loser's listeners until the response ends.
 */
export function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done);
      res.off('close', done);
      resolve();
    };
    if (res.destroyed) return resolve();
    res.on('drain', done);
    res.on('close', done);
  });
}
