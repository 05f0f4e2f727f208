import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Clause,
  ClauseError,
  formatClause,
  matchesGlob,
  parseClause,
  parseClauses,
  type Selector,
} from '../../../../server/analysis/verdict/parse-clause.ts';
import { ValidationError } from '../../../../server/runtime/errors.ts';

const DEFAULTS = { stat: 'p50', from: null, to: null, self: 'include', min: 1 };

/** The error in a clause, with its character. */
function errorIn(text: string): string {
  try {
    parseClause(text);
  } catch (error) {
    if (error instanceof ClauseError) return `${error.at}: ${error.message}`;
  }
  return 'no error';
}

describe('parseClause', () => {
  const limited = (kind: string, operator: string, limit: number, limitText: string) => ({
    condition: { kind, operator, limit, limitText },
  });
  it.each<[string, object]>([
    ['healthy', limited('healthy', '', 0, '')],
    ['failed', limited('failed', '', 0, '')],
    ['latency<=1.5s', limited('latency', '<=', 1_500_000, '1.5s')],
    ['success>=99.5%', limited('success', '>=', 99_500_000, '99.5%')],
    ['loss<0.5%', limited('loss', '<', 500_000, '0.5%')],
    ['recovered < 30s', limited('recovered', '<', 30_000, '30s')],
    ['failed, to=pod:chaos , self=exclude', { to: { by: 'pod', key: '', glob: 'chaos' }, self: 'exclude' }],
    ['failed,from=label:app.io/name=gold*', { from: { by: 'label', key: 'app.io/name', glob: 'gold*' } }],
    ['failed,to=kube-system/gold-?', { to: { by: 'pod', key: '', glob: 'kube-system/gold-?' } }],
    ['failed,from=zone:*,min=5', { from: { by: 'zone', key: '', glob: '*' }, min: 5 }],
    ['latency<50ms,stat=p95', { stat: 'p95' }],
  ])('reads %j', (text, expected) => {
    const { condition } = parseClause(text);
    expect(parseClause(text)).toEqual({ condition, ...DEFAULTS, ...expected });
  });

  it.each([
    ['', /^1: expected healthy, failed, success>=99%, latency<200ms, loss<1% or recovered<30s/],
    ['healty', /^1: .*not "healty"$/],
    ['healthy>1', /^1: .*not "healthy>1"$/],
    ['success>=99', /^10: expected a percentage such as 99% or 99.9%, not "99"$/],
    ['loss<1%,stat=p95', /^9: stat= is not allowed with loss$/],
    ['recovered>30s', /^1: /],
    ['recovered<30s,min=2', /^15: min= is not allowed with recovered$/],
    ['latency>200', /^9: expected a duration such as 300ms, 1.5s or 1m30s, not "200"$/],
    ['healthy,', /^9: expected an option: stat=, from=/],
    ['healthy,to=', /^12: expected the name of a pod/],
    ['healthy,to=a b', /^12: .*not "a b"$/],
    ['healthy,to=pods:a', /^12: expected pod:, node:, zone:, label:KEY=/],
    ['healthy,to=node:a/b', /^17: expected the name of a node/],
    ['healthy,to=label:app', /^18: expected label:KEY=VALUE/],
    ['healthy,to=label:app=a b', /^22: expected a label's value/],
    ['healthy,to=a,to=b', /^14: to= is given twice/],
    ['healthy,self=no', /^14: expected include, exclude, only, not "no"$/],
    ['healthy,min=0', /^13: expected a number from 1 to 65535/],
    ['healthy,stat=p95', /^9: stat= is not allowed with healthy$/],
    ['latency<1s,stat=p99', /^17: expected p50, p95, max/],
  ])('%j: the error names the character', (text, message) => {
    expect(errorIn(text)).toMatch(message);
  });

  it('reads back what formatClause writes', () => {
    const glob = fc.string({ unit: fc.constantFrom('a', '1', '-', '.', '*', '?'), minLength: 1, maxLength: 9 });
    const selector: fc.Arbitrary<Selector | null> = fc.option(
      fc.oneof(
        fc.record({ by: fc.constantFrom('pod', 'node', 'zone'), key: fc.constant(''), glob }),
        fc.record({ by: fc.constant('label' as const), key: fc.constantFrom('app', 'a.b/c'), glob }),
      ) as fc.Arbitrary<Selector>,
    );
    const rest = { from: selector, to: selector, self: fc.constantFrom('include', 'exclude', 'only'), min: fc.nat(99) };
    const latency = fc.record({
      operator: fc.constantFrom('<', '<=', '>', '>='),
      ms: fc.integer({ min: 0, max: 99_999 }),
      stat: fc.constantFrom('p50', 'p95', 'max'),
    });
    fc.assert(
      fc.property(fc.record(rest), fc.option(latency), ({ min, ...options }, late) => {
        const condition =
          late === null
            ? { kind: 'failed', operator: '', limit: 0, limitText: '' }
            : { kind: 'latency', operator: late.operator, limit: late.ms * 1000, limitText: `${late.ms}ms` };
        const clause = { condition, stat: late?.stat ?? 'p50', ...options, min: min + 1 } as Clause;
        expect(parseClause(formatClause(clause))).toEqual(clause);
      }),
    );
  });

  it('reads any text or throws a ClauseError with a place within it', () => {
    const pieces = fc.constantFrom(...'healthy latency >= 20ms , to= pod: label: * = é \0'.split(' '), ' ');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (list) => {
        const text = list.join('');
        try {
          parseClause(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ClauseError);
          const { at } = error as ClauseError;
          expect(at >= 1 && at <= text.length + 1).toBe(true);
        }
      }),
    );
  });
});

describe('parseClauses', () => {
  it('expects healthy by default', () => {
    expect(parseClauses([]).map(formatClause)).toEqual(['healthy']);
  });

  it.each([
    [['healthy', 'latency<x'], /^expect 2 in query, character 9: expected a duration/],
    [['a'.repeat(501)], /^expect 1 in query: expected at most 500 characters$/],
    [Array(21).fill('healthy'), /^expect in query: expected at most 20$/],
  ])('%j: the error names the clause', (texts, message) => {
    expect(() => parseClauses(texts)).toThrow(ValidationError);
    expect(() => parseClauses(texts)).toThrow(message);
  });
});

describe('matchesGlob', () => {
  it('matches what the same regular expression matches', () => {
    const words = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(words, texts, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchesGlob(pattern, text)).toBe(expression.test(text));
      }),
    );
  });

  it('takes at most one step for each pair of characters, however many stars the pattern has', () => {
    const startMs = performance.now();
    expect(matchesGlob('*a'.repeat(200), 'a'.repeat(100) + 'b'.repeat(5_000))).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});
