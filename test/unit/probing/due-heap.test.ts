import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueHeap } from '../../../server/probing/schedule.ts';

it('gives items in the order in which they are due, also after some were left out', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 1, max: 5 }), (dues, divisor) => {
      const heap = new DueHeap<{ dueMs: number }>();
      for (const dueMs of dues) heap.push({ dueMs });
      heap.retain((item) => item.dueMs % divisor === 0);
      const kept = dues.filter((due) => due % divisor === 0).sort((a, b) => a - b);
      expect(heap.size).toBe(kept.length);
      expect(heap.peek()?.dueMs).toBe(kept[0]);
      expect(kept.map(() => heap.pop()?.dueMs)).toEqual(kept);
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
