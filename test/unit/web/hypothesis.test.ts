import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseClauses } from '../../../server/analysis/verdict/parse-clause.ts';
import { boundedClauses, clauseErrorOf, clausesIn, MAX_HYPOTHESIS } from '../../../web/model/address.ts';

describe('the clauses of a hypothesis', () => {
  test('are its lines, as they stand in an address too, without those that say nothing', () => {
    expect(clausesIn('healthy\n\n  expect=latency>=200ms,to=chaos \n')).toEqual(['healthy', 'latency>=200ms,to=chaos']);
  });

  test('are never more than fit into an address, and read again as they are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 600 }), { maxLength: 30 }), (texts) => {
        const clauses = boundedClauses(texts);
        expect(clauses.length).toBeLessThanOrEqual(20);
        expect(clauses.join('').length).toBeLessThanOrEqual(MAX_HYPOTHESIS);
        expect(clauses).not.toContain('');
        expect(boundedClauses(clauses)).toEqual(clauses);
      }),
    );
  });
});

describe('a validation error', () => {
  test.each([
    ['latency>200', 'latency>', '200'],
    ['healthy,to=pod:', 'healthy,to=pod:', ''],
    ['healthy,colour=red', 'healthy,', 'colour=red'],
    ['quick', '', 'quick'],
  ])('is shown where the server finds it: %s', (clause, before, from) => {
    const { message } = errorOf(() => parseClauses(['healthy', clause]));
    const { message: shown, place } = clauseErrorOf(message, ['healthy', clause]);
    expect(place).toEqual({ line: 2, before, from });
    expect(shown).toMatch(/^(expected|it is)/);
  });

  test('without a place, or about a line that is not there, is told as it came', () => {
    expect(clauseErrorOf('start in query: expected within HISTORY_WINDOW', ['healthy'])).toEqual({
      message: 'start in query: expected within HISTORY_WINDOW',
      place: null,
    });
    expect(clauseErrorOf('expect 3 in query, character 1: no', ['healthy']).place).toBeNull();
    expect(clauseErrorOf('expect 1 in query, character 99: no', ['healthy']).place).toEqual({
      line: 1,
      before: 'healthy',
      from: '',
    });
  });
});

function errorOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
}
