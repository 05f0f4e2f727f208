import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { drained } from '../../../server/http/drained.ts';

/** The part of a response that is waited for. */
const response = (destroyed = false) =>
  Object.assign(new EventEmitter(), { destroyed }) as unknown as ServerResponse & EventEmitter;

describe('waiting for a reader', () => {
  it('ends when it has read, and when it has gone', async () => {
    for (const event of ['drain', 'close']) {
      const res = response();
      const waiting = drained(res);
      res.emit(event);
      await expect(waiting).resolves.toBeUndefined();
    }
  });

  it('leaves no listener behind, however often a stream waits', async () => {
    const res = response();
    for (let i = 0; i < 50; i++) {
      const waiting = drained(res);
      res.emit('drain');
      await waiting;
    }
    expect(res.eventNames()).toEqual([]);
  });

  it('does not wait for one that has gone already', async () => {
    const res = response(true);
    await expect(drained(res)).resolves.toBeUndefined();
    expect(res.eventNames()).toEqual([]);
  });
});
