import { expect, test } from 'vitest';
import { OUTCOMES } from '../../../../server/protocol/sample.ts';
import { LINK_STATES } from '../../../../web/model/links.ts';
import { linkMark, POD_MARKS, WAVE } from '../../../../web/model/marks.ts';

test('every state of a link but good and fair has a mark of its own, and so has every way to fail', () => {
  const states = LINK_STATES.filter((state) => state !== 'good' && state !== 'fair').map((state) => linkMark(state));
  expect(new Set(states).size).toBe(LINK_STATES.length - 2);
  expect(states).not.toContain('');
  expect([linkMark('good'), linkMark('fair')]).toEqual(['', '']);
  const failures = OUTCOMES.filter((outcome) => outcome !== 'ok').map((outcome) => linkMark('failed', outcome));
  expect(new Set(failures).size).toBe(OUTCOMES.length - 1);
  // Only a failed link is marked by its outcome.
  expect(linkMark('slow', 'ok')).toBe(linkMark('slow'));
});

test('every state of a pod has a mark of its own, and so has an unreliable measurement', () => {
  expect(new Set([WAVE, ...Object.values(POD_MARKS)]).size).toBe(8);
});
