import type { Clock } from '../contract/seams.ts';
import { Turns } from './turns.ts';

/** Does work that yields after each small part, in turns that leave room for pings; gives its result. */
export async function inSlices<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  const turns = new Turns(clock);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (turns.isOver()) await turns.next();
  }
}
