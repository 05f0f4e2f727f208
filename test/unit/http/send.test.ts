import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { PacedWriter } from '../../../server/http/send.ts';

/** The part of a response that is written to. It has no room, and as under `compression` keeps every listener. */
function response(destroyed = false) {
  const written: unknown[] = [];
  const write = (piece: unknown) => written.push(piece) < 0;
  const res = Object.assign(new EventEmitter(), { destroyed, write, off: () => res });
  return { res: res as unknown as ServerResponse & EventEmitter, written };
}

describe('writing at the pace of a reader', () => {
  it('waits until it has read, or has gone', async () => {
    for (const event of ['drain', 'close']) {
      const { res, written } = response();
      let isDone = false;
      const writing = new PacedWriter(res).write('a').then(() => {
        isDone = true;
      });
      await Promise.resolve();
      expect([written, isDone]).toEqual([['a'], false]);
      res.emit(event);
      await writing;
    }
  });

  it('has one listener each, however often it waits', async () => {
    const { res, written } = response();
    const writer = new PacedWriter(res);
    for (let i = 0; i < 50; i++) {
      const writing = writer.write('a');
      res.emit('drain');
      await writing;
    }
    expect(written).toHaveLength(50);
    expect([res.listenerCount('drain'), res.listenerCount('close')]).toEqual([1, 1]);
  });

  it('writes nothing to one that has gone already', async () => {
    const { res, written } = response(true);
    await new PacedWriter(res).write('a');
    expect(written).toEqual([]);
  });
});
