import { describe, expect, test } from 'vitest';
import { OUTCOMES } from '../../../server/protocol/sample.ts';
import type { LinkFacts } from '../../../web/pure/link-facts.ts';
import { LINK_STATES } from '../../../web/pure/link-state.ts';
import { linkVerdict } from '../../../web/pure/phase-words.ts';

const CONTEXT = {
  from: 'goldpinger-001',
  to: 'goldpinger-chaos',
  problemMs: 100,
  timeoutMs: 300,
  isFoundThere: false,
  isFoundBack: false,
};

function facts(change: Partial<LinkFacts>): LinkFacts {
  return {
    state: 'good',
    base: 'good',
    outcome: 'ok',
    phase: null,
    connectUs: 200,
    firstByteUs: 300,
    totalUs: 520,
    sinceMs: 0,
    sampledMs: 0,
    suspect: false,
    family: 4,
    detail: '',
    stats: null,
    missing: '',
    ...change,
  };
}

const GOOD = facts({});
const LATE_BYTE = facts({ state: 'slow', base: 'slow', connectUs: 210, firstByteUs: 251_900, totalUs: 252_140 });

describe('where to look', () => {
  test('is the process, not the network, where only the first byte is late (experiment 2)', () => {
    expect(linkVerdict(LATE_BYTE, GOOD, CONTEXT)).toEqual({
      tone: 'slow',
      title: 'The first byte is late, the connection is not.',
      text: 'Look at the process or a proxy in goldpinger-chaos. The network is fine. The way back is good.',
    });
  });

  test('turns round where only the way back has a fault', () => {
    expect(linkVerdict(GOOD, LATE_BYTE, CONTEXT).text).toBe(
      'Look at the process or a proxy in goldpinger-001. The network is fine. The way back is good.',
    );
  });

  test('is left to what the server found of that way, not of the other', () => {
    const refused = facts({ state: 'failed', outcome: 'refused', phase: 'connect' });
    const text = (found: Partial<typeof CONTEXT>) => linkVerdict(LATE_BYTE, refused, { ...CONTEXT, ...found }).text;
    expect(text({ isFoundThere: true })).toBe(text({}));
    expect(text({ isFoundBack: true })).toBe('The way back is slow.');
    expect(linkVerdict(LATE_BYTE, GOOD, { ...CONTEXT, isFoundThere: true }).text).toBe('The way back is good.');
  });

  test('is the network where both phases are late', () => {
    const both = facts({ state: 'slow', connectUs: 125_000, firstByteUs: 125_000, totalUs: 250_020 });
    expect(linkVerdict(both, both, CONTEXT).text).toBe(
      'Look at the network between goldpinger-001 and goldpinger-chaos.',
    );
  });

  test('tells a lost packet by the second that TCP waits', () => {
    const lost = facts({ state: 'slow', connectUs: 1_020_000, firstByteUs: 400, totalUs: 1_020_500 });
    expect(linkVerdict(lost, GOOD, CONTEXT).text).toContain('a packet was lost and sent again');
  });

  test('speaks of failures before slow answers, whichever way they are', () => {
    const refused = facts({ state: 'failed', outcome: 'refused', phase: 'connect' });
    expect(linkVerdict(LATE_BYTE, refused, CONTEXT)).toMatchObject({
      tone: 'failed',
      title: 'goldpinger-001 refuses the connection.',
    });
    expect(linkVerdict(refused, LATE_BYTE, CONTEXT).text).toMatch(/The way back is slow\.$/);
  });

  test('of a timeout depends on the phase in which it ran out', () => {
    const titles = (['connect', 'first-byte', 'body'] as const).map(
      (phase) => linkVerdict(facts({ state: 'failed', outcome: 'timeout', phase }), GOOD, CONTEXT).title,
    );
    expect(titles).toEqual([
      'No connection within 300 ms.',
      'It connects, but no byte comes within 300 ms.',
      'The answer begins and does not end within 300 ms.',
    ]);
  });

  test('is told for every outcome and every state in a sentence that ends', () => {
    for (const outcome of OUTCOMES) {
      for (const state of LINK_STATES) {
        const verdict = linkVerdict(facts({ state, outcome }), GOOD, CONTEXT);
        expect(verdict.title).toMatch(/^[A-Za-z].*\.$/);
        expect(verdict.tone).toBe(state);
      }
    }
  });

  test('says nothing of a way back for a link of a pod to itself', () => {
    expect(linkVerdict(LATE_BYTE, LATE_BYTE, { ...CONTEXT, from: CONTEXT.to }).text).not.toContain('way back');
  });

  test('is not known where the pod that pings did not report', () => {
    const silent = facts({ state: 'unknown', outcome: null, missing: 'timeout' });
    expect(linkVerdict(silent, GOOD, CONTEXT)).toMatchObject({ title: 'goldpinger-001 did not report.' });
  });
});
