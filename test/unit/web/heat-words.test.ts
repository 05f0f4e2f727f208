import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { linkFacts } from '../../../web/model/link-facts.ts';
import { LINK_STATES } from '../../../web/model/links.ts';
import { cellSentence, factsTitle, LEGEND_ORDER, sharedOutcome, stateNote } from '../../../web/model/messages.ts';
import { pictureOf } from './heat-pictures.ts';

describe('the legend', () => {
  test('has every state once', () => {
    expect([...LEGEND_ORDER].sort()).toEqual([...LINK_STATES].sort());
  });

  test('shows the thresholds that are set', () => {
    const note = (state: 'good' | 'fair' | 'warning' | 'slow') => stateNote(state, DEFAULT_THRESHOLDS, 300_000, '');
    expect([note('good'), note('fair'), note('warning'), note('slow')]).toEqual([
      '< 2 ms',
      '2–5 ms',
      '5–100 ms',
      '≥ 100 ms',
    ]);
    expect(stateNote('gone', DEFAULT_THRESHOLDS, 300_000, '')).toBe('terminated, shown 5 min');
  });

  test('names the outcome of failed links if all have the same one', () => {
    expect(sharedOutcome(pictureOf({ pods: 3, scenario: 'dead-pod' }))).toBe('refused');
    expect(sharedOutcome(pictureOf({ pods: 12, scenario: 'outcomes' }))).toBe('');
    expect(sharedOutcome(pictureOf({ pods: 3, scenario: 'healthy' }))).toBe('');
  });
});

describe('the text of a cell', () => {
  test('names source, destination, latency and state', () => {
    const picture = pictureOf({ pods: 4, scenario: 'slow-pod' });
    expect(cellSentence(picture, 0, 3)).toMatch(/^from goldpinger-001 to goldpinger-chaos: 25\d ms, slow$/);
    expect(cellSentence(picture, 1, 1)).toMatch(/^from goldpinger-002 to itself: /);
    expect(cellSentence(picture, 1, 99)).toBe('');
  });

  test('has no latency if the link failed, and names the phase that failed', () => {
    const picture = pictureOf({ pods: 120, scenario: 'mixed' });
    const failed = picture.state.indexOf(LINK_STATES.indexOf('failed'));
    const [from, to] = [Math.floor(failed / 120), failed % 120];
    expect(cellSentence(picture, from, to)).not.toContain('ms');
    expect(factsTitle(linkFacts(picture, from, to))).toBe('Timed out in connect');
  });

  test('marks measurements of a CPU-starved pod as unreliable', () => {
    const picture = pictureOf({ pods: 5, scenario: 'starved' });
    expect(factsTitle(linkFacts(picture, 4, 0))).toMatch(/, unreliable$/);
  });
});
