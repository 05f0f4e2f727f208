import type { RequestHandler } from 'express';
import type { Clock } from '../contract/seams.ts';
import { sendFault } from './faults.ts';

/** How often something may be done. */
export interface Rate {
  perSecond: number;
  /** At once, after a while without any. */
  burst: number;
}

/** Lets requests through as often as `rate` allows, whoever sends them; 429 with `Retry-After` to others. */
export function atRate({ perSecond, burst }: Rate, clock: Clock): RequestHandler {
  let left = burst;
  let countedMs = clock.monotonicMs();
  return (_req, res, next) => {
    const nowMs = clock.monotonicMs();
    left = Math.min(burst, left + ((nowMs - countedMs) / 1000) * perSecond);
    countedMs = nowMs;
    if (left >= 1) {
      left -= 1;
      next();
      return;
    }
    res.set({ 'Retry-After': String(Math.ceil((1 - left) / perSecond)), Connection: 'close' });
    sendFault(res, 429, `too many writes: at most ${perSecond} a second`);
  };
}
