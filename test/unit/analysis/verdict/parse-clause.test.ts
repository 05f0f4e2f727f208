import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Clause,
  ClauseError,
  formatClause,
  parseClause,
  type Selector,
} from '../../../../server/analysis/verdict/parse-clause.ts';
import { parseDurationMs } from '../../../../server/config/parse.ts';

const parse = (text: string) => parseClause(text, parseDurationMs);
const DEFAULTS = { stat: 'p50', from: null, to: null, self: 'include', min: 1 };

/** What is wrong with a clause, and at which character. */
function mistakeIn(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ClauseError) return `${error.at}: ${error.message}`;
  }
  return 'no mistake';
}

describe('a clause', () => {
  it('is a condition', () => {
    expect(parse('healthy')).toEqual({ condition: { kind: 'healthy' }, ...DEFAULTS });
    expect(parse('failed')).toEqual({ condition: { kind: 'failed' }, ...DEFAULTS });
    const condition = { kind: 'latency', operator: '<=', limitUs: 1_500_000, limitText: '1.5s' };
    expect(parse('latency<=1.5s')).toEqual({ condition, ...DEFAULTS });
  });

  it('has options', () => {
    const clause = parse(
      'latency>=200ms, to=pod:goldpinger-chaos , from=label:app.kubernetes.io/name=gold*,self=exclude',
    );
    expect(clause).toMatchObject({
      condition: { operator: '>=', limitUs: 200_000 },
      to: { by: 'pod', key: '', glob: 'goldpinger-chaos' },
      from: { by: 'label', key: 'app.kubernetes.io/name', glob: 'gold*' },
      self: 'exclude',
    });
    expect(parse('latency<50ms,stat=p95,min=5,to=kube-system/gold-?,from=zone:*')).toMatchObject({
      ...{ stat: 'p95', min: 5 },
      ...{ to: { by: 'pod', glob: 'kube-system/gold-?' }, from: { by: 'zone', glob: '*' } },
    });
  });

  it.each([
    ['', /^1: expected healthy, failed, or latency/],
    ['healty', /^1: .*not "healty"$/],
    ['latency', /^1: /],
    ['latency>200', /^9: expected a duration such as 300ms, 1.5s or 1m30s, not "200"$/],
    ['latency >= ', /^11: expected a duration/],
    ['healthy,', /^9: expected an option: stat=, from=/],
    ['healthy, to', /^10: expected an option/],
    ['healthy,to=', /^12: expected the name of a pod/],
    ['healthy,to=a b', /^12: .*not "a b"$/],
    ['healthy,to=pods:a', /^12: expected pod:, node:, zone:, label:KEY=/],
    ['healthy,to=node:a/b', /^17: expected the name of a node/],
    ['healthy,to=label:app', /^18: expected label:KEY=VALUE/],
    ['healthy,to=label:app=a b', /^22: expected a label's value/],
    ['healthy,to=a,to=b', /^14: to= is given twice/],
    ['healthy,self=no', /^14: expected include, exclude, only, not "no"$/],
    ['healthy,min=0', /^13: expected a number from 1 to 65535/],
    ['healthy,stat=p95', /^9: stat= goes with latency, not with healthy/],
    ['latency<1s,stat=p99', /^17: expected p50, p95, max/],
  ])('%j: the mistake has a place', (text, mistake) => {
    expect(mistakeIn(text)).toMatch(mistake);
  });

  it('is read back as it was written', () => {
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
        const limit = late && { limitUs: late.ms * 1000, limitText: `${late.ms}ms` };
        const condition = late ? { kind: 'latency', operator: late.operator, ...limit } : { kind: 'failed' };
        const clause = { condition, stat: late?.stat ?? 'p50', ...options, min: min + 1 } as Clause;
        expect(parse(formatClause(clause))).toEqual(clause);
      }),
    );
  });

  it('of any text is read or has a mistake within it', () => {
    const pieces = fc.constantFrom(
      'healthy',
      'latency',
      '>=',
      '20ms',
      ',',
      'to=',
      'pod:',
      'label:',
      '*',
      ' ',
      '=',
      'é',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (list) => {
        const text = list.join('');
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ClauseError);
          const { at } = error as ClauseError;
          expect(at >= 1 && at <= text.length + 1).toBe(true);
        }
      }),
    );
  });
});
