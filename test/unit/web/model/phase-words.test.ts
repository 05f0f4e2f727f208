import { describe, expect, test } from 'vitest';
import { OUTCOMES } from '../../../../server/protocol/sample.ts';
import type { LinkFacts } from '../../../../web/model/link-facts.ts';
import { LINK_STATES } from '../../../../web/model/links.ts';
import { linkMessage } from '../../../../web/model/phase-words.ts';

const CONTEXT = {
  from: 'goldpinger-001',
  to: 'goldpinger-chaos',
  timeoutMs: 300,
  pingNumber: 0,
  isPinging: true,
  isForwardExplained: false,
  isReverseExplained: false,
};

function facts(change: Partial<LinkFacts>): LinkFacts {
  return {
    state: 'good',
    outcome: 'ok',
    phase: null,
    connectUs: 200,
    firstByteUs: 300,
    totalUs: 520,
    sinceMs: 0,
    sampledMs: 0,
    unreliable: false,
    lossy: false,
    family: 4,
    detail: '',
    stats: null,
    udp: null,
    missing: '',
    ...change,
  };
}

const GOOD = facts({});
const LATE_BYTE = facts({ state: 'slow', connectUs: 210, firstByteUs: 251_900, totalUs: 252_140 });

describe('the message of a link', () => {
  test('blames PING_NUMBER for a link that is not probed only where it is set', () => {
    const text = (pingNumber: number) => {
      const unprobed = facts({ state: 'not-probed', outcome: null });
      return linkMessage(unprobed, unprobed, { ...CONTEXT, pingNumber }).text;
    };
    const isNew = 'goldpinger-chaos is new to goldpinger-001, or not in its pod list.';
    expect(text(0)).toBe(isNew);
    expect(text(10)).toBe(`PING_NUMBER assigned other pods to goldpinger-001, or ${isNew}`);
  });

  test('tells lost datagrams where all pings work', () => {
    const lossy = facts({ lossy: true, udp: { sent: 300, lost: 60, rttUs: 500, hops: 2 } });
    expect(linkMessage(lossy, GOOD, CONTEXT)).toMatchObject({
      tone: 'warning',
      title: 'Loses datagrams.',
      text: expect.stringMatching(/^20 % of 300 datagrams to \S+ were lost, while pings work/),
    });
    const few = facts({ udp: { sent: 300, lost: 2, rttUs: 500, hops: 2 } });
    expect(linkMessage(few, GOOD, CONTEXT).title).toBe('Healthy.');
  });

  test('points at the process, not the network, if only the first byte is late (experiment 2)', () => {
    expect(linkMessage(LATE_BYTE, GOOD, CONTEXT)).toEqual({
      tone: 'slow',
      title: 'Connects fast, responds slowly.',
      text: 'Check the process or a proxy, not the network. Reverse direction is fine.',
    });
  });

  test('is about the reverse direction if only that one is bad', () => {
    expect(linkMessage(GOOD, LATE_BYTE, CONTEXT).text).toBe(
      'goldpinger-chaos → goldpinger-001: Check the process or a proxy, not the network. Reverse direction is fine.',
    );
  });

  test('is left out if a finding of the server explains the same direction', () => {
    const refused = facts({ state: 'failed', outcome: 'refused', phase: 'connect' });
    const text = (found: Partial<typeof CONTEXT>) => linkMessage(LATE_BYTE, refused, { ...CONTEXT, ...found }).text;
    expect(text({ isForwardExplained: true })).toBe(text({}));
    expect(text({ isReverseExplained: true })).toBe('Reverse direction is slow.');
    expect(linkMessage(LATE_BYTE, GOOD, { ...CONTEXT, isForwardExplained: true }).text).toBe(
      'Reverse direction is fine.',
    );
  });

  test('points at the network if both phases are late', () => {
    const both = facts({ state: 'slow', connectUs: 125_000, firstByteUs: 125_000, totalUs: 250_020 });
    expect(linkMessage(both, both, CONTEXT).text).toBe('Check the network.');
  });

  test('mentions a lost packet if connecting took longer than the TCP retransmission timeout', () => {
    const lost = facts({ state: 'slow', connectUs: 1_020_000, firstByteUs: 400, totalUs: 1_020_500 });
    expect(linkMessage(lost, GOOD, CONTEXT).text).toContain('a lost packet was retransmitted');
  });

  test('is about a failure before a slow response, in either direction', () => {
    const refused = facts({ state: 'failed', outcome: 'refused', phase: 'connect' });
    expect(linkMessage(LATE_BYTE, refused, CONTEXT)).toMatchObject({
      tone: 'failed',
      title: 'goldpinger-001 refuses the connection.',
    });
    expect(linkMessage(refused, LATE_BYTE, CONTEXT).text).toMatch(/Reverse direction is slow\.$/);
  });

  test('of a timeout depends on the phase that timed out', () => {
    const titles = (['connect', 'first-byte', 'body', null] as const).map(
      (phase) => linkMessage(facts({ state: 'failed', outcome: 'timeout', phase }), GOOD, CONTEXT).title,
    );
    expect(titles).toEqual([
      'No connection within 300 ms.',
      'Connects, but no response within 300 ms.',
      'Incomplete response after 300 ms.',
      'No response within 300 ms.',
    ]);
    const reset = facts({ state: 'failed', outcome: 'reset', phase: null });
    expect(linkMessage(reset, GOOD, CONTEXT).title).toBe('The connection is reset.');
  });

  test('is a full sentence for every outcome and every state', () => {
    for (const outcome of OUTCOMES) {
      for (const state of LINK_STATES) {
        const verdict = linkMessage(facts({ state, outcome }), GOOD, CONTEXT);
        expect(verdict.title).toMatch(/^[A-Za-z].*\.$/);
        expect(verdict.tone).toBe(state);
      }
    }
  });

  test('does not mention a reverse direction for a self-link', () => {
    expect(linkMessage(LATE_BYTE, LATE_BYTE, { ...CONTEXT, from: CONTEXT.to }).text).not.toContain('Reverse');
  });

  test('says that the source did not report', () => {
    const silent = facts({ state: 'unknown', outcome: null, missing: 'timeout' });
    expect(linkMessage(silent, GOOD, CONTEXT)).toMatchObject({ title: 'No report from goldpinger-001.' });
    const phaseless = facts({ state: 'unknown', connectUs: -1, firstByteUs: -1 });
    expect(linkMessage(phaseless, GOOD, CONTEXT)).toMatchObject({
      title: 'Answered, phase not measured.',
    });
  });
});

test.each(['not-yet', 'not-probed'] as const)('a link that is %s is not waited for while pinging is off', (state) => {
  const { title, text } = linkMessage(facts({ state }), facts({ state: 'good' }), { ...CONTEXT, isPinging: false });
  expect(`${title} ${text}`).toMatch(/^Not probed\. Pinging is off \(REFRESH_INTERVAL\)\./);
});
