import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseClauses } from '../../../../server/analysis/verdict/parse-clause.ts';
import { DEFAULT_THRESHOLDS } from '../../../../server/protocol/link-state.ts';
import {
  type Address,
  boundedClauses,
  boundedUnfolded,
  clauseErrorOf,
  clausesIn,
  DEFAULT_ADDRESS,
  GROUPS,
  LEVELS,
  LINK_LIMITS,
  MAX_FILTER,
  MAX_HYPOTHESIS,
  ORDERS,
  orderedThresholds,
  readAddress,
  SPANS,
  usualThresholds,
  VALUE_PHASES,
  VALUES,
  VIEWS,
  WINDOWS,
  writeAddress,
} from '../../../../web/model/address.ts';
import { inOrder } from '../../../../web/model/timeline-ranges.ts';

const uid = fc.string({ minLength: 1, maxLength: 128, unit: 'grapheme-ascii' });
const ms = fc.integer({ min: 1, max: 10_000_000 }).map((hundredths) => hundredths / 100);
const past = fc.integer({ min: 0, max: 9_999_999_999_999 });
const compared = fc
  .tuple(fc.array(fc.record({ fromMs: past, toMs: past }), { maxLength: 3 }), fc.boolean())
  .map(([ranges, compare]) => ({ ranges: inOrder(ranges), compare: compare && inOrder(ranges).length > 1 }));
const rest = fc.record({
  view: fc.constantFrom(...VIEWS),
  selection: fc.oneof(fc.constant(null), fc.record({ pod: uid }), fc.record({ from: uid, to: uid })),
  thresholds: fc
    .tuple(ms, ms, ms)
    .map(([goodMs, warningMs, problemMs]) => orderedThresholds({ goodMs, warningMs, problemMs })),
  order: fc.constantFrom(...ORDERS),
  group: fc.constantFrom(...GROUPS),
  filter: fc.string({ maxLength: MAX_FILTER, unit: 'grapheme-ascii' }),
  level: fc.constantFrom(...LEVELS),
  unfolded: fc.array(
    fc.string({ maxLength: 40, unit: 'grapheme' }).map((name) => `node:${name}`),
    { maxLength: 5 },
  ),
  value: fc.constantFrom(...VALUES),
  phase: fc.constantFrom(...VALUE_PHASES),
  windowMs: fc.constantFrom(...WINDOWS),
  asTable: fc.boolean(),
  only: fc.constantFrom('all', 'failed', 'slow'),
  limit: fc.integer({ min: LINK_LIMITS.min, max: LINK_LIMITS.max }),
  atMs: fc.option(past),
  expect: fc.array(fc.string({ maxLength: 40, unit: 'grapheme' }), { maxLength: 20 }).map(boundedClauses),
  spanMs: fc.constantFrom(null, ...SPANS),
});
const address: fc.Arbitrary<Address> = fc.tuple(rest, compared).map(([one, other]) => ({ ...one, ...other }));

test('what is written is read again: a pasted link shows the same', () => {
  fc.assert(
    fc.property(address, (wanted) => {
      expect(readAddress(writeAddress(wanted))).toEqual(wanted);
    }),
  );
});

test.each([1, 3, 100, 2_000])(
  'usual thresholds with SLOW_LINK %i ms end there: page and server call the same links slow',
  (slowLinkMs) => {
    expect(usualThresholds(slowLinkMs).problemMs).toBe(slowLinkMs);
  },
);

test('the usual is not written out', () => {
  expect(writeAddress(DEFAULT_ADDRESS)).toBe('#view=graph');
});

test('any text is read as some address with figures in order', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      const { thresholds, view, filter } = readAddress(`#${text}`);
      const { goodMs, warningMs, problemMs } = thresholds ?? DEFAULT_THRESHOLDS;
      expect(goodMs).toBeLessThanOrEqual(warningMs);
      expect(warningMs).toBeLessThanOrEqual(problemMs);
      expect(VIEWS).toContain(view);
      expect(filter.length).toBeLessThanOrEqual(MAX_FILTER);
    }),
  );
});

test.each([
  '#view=<script>',
  '#view=__proto__&order=constructor',
  '#ms=1e9-NaN-Infinity',
  '#ms=-1-2-3',
  `#pod=${'x'.repeat(129)}`,
  `#filter=${'x'.repeat(66_000)}`,
  '#from=a',
  '#window=7',
  '#at=-1',
  '#at=99999999999999',
  '#ranges=5-1_7-7_x-9_1-2-3&compare=1&span=7',
])('hostile or broken, %s reads as a first visit', (hash) => {
  expect(readAddress(hash)).toEqual(DEFAULT_ADDRESS);
});

test('thresholds are kept in order and within bounds; what is no number keeps its place', () => {
  expect(orderedThresholds({ goodMs: 50, warningMs: 5, problemMs: 20 })).toEqual({
    goodMs: 50,
    warningMs: 50,
    problemMs: 50,
  });
  expect(orderedThresholds({ goodMs: -4, warningMs: Number.NaN, problemMs: 1e12 })).toEqual({
    goodMs: 0.01,
    warningMs: 5,
    problemMs: 100_000,
  });
});

test.each([
  ['1', LINK_LIMITS.min],
  ['9999', LINK_LIMITS.max],
  ['1e9', DEFAULT_ADDRESS.limit],
  ['-5', DEFAULT_ADDRESS.limit],
])('a number of links that nobody offers (%s) becomes one that is offered', (most, limit) => {
  expect(readAddress(`#view=graph&most=${most}`).limit).toBe(limit);
});

describe('the clauses of a hypothesis', () => {
  test('are its lines, as they stand in an address too, without those that say nothing', () => {
    expect(clausesIn('healthy\n\n  expect=latency>=200ms,to=chaos \n')).toEqual(['healthy', 'latency>=200ms,to=chaos']);
  });

  test('are at most one more than the server takes, and read again as they are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 600 }), { maxLength: 30 }), (texts) => {
        const clauses = boundedClauses(texts);
        expect(clauses.length).toBeLessThanOrEqual(21);
        expect(clauses).not.toContain('');
        expect(boundedClauses(clauses)).toEqual(clauses);
      }),
    );
  });
});

test.each([
  ['too long', [`healthy,to=${'x'.repeat(500)}`, 'healthy'], /500 characters/],
  ['too many', new Array(25).fill('healthy'), /at most 20/],
])('clauses that are %s are refused by the server, not left out of the verdict', (_, clauses, told) => {
  const { expect: kept } = readAddress(writeAddress({ ...DEFAULT_ADDRESS, expect: boundedClauses(clauses) }));
  expect(() => parseClauses(kept)).toThrow(told);
});

test('as many and as long clauses as the server takes are all kept, typed and in an address', () => {
  const names = Array.from({ length: 20 }, (_, i) => `latency>=200ms,to=${`goldpinger-${i}`.padEnd(482, 'x')}`);
  expect(names[0]).toHaveLength(500);
  const typed = names.map((clause) => `expect=${clause}`).join('\n');
  expect(typed.length).toBeLessThanOrEqual(MAX_HYPOTHESIS);
  const kept = clausesIn(typed);
  expect(kept).toEqual(names);
  expect(readAddress(writeAddress({ ...DEFAULT_ADDRESS, expect: kept })).expect).toEqual(names);
  expect(parseClauses(kept)).toHaveLength(20);
});

test('of more unfolded groups than an address has, the newest stay unfolded', () => {
  const keys = Array.from({ length: 41 }, (_, i) => `node:${i}`);
  const kept = boundedUnfolded(keys);
  expect(kept).toEqual(keys.slice(1));
  expect(readAddress(writeAddress({ ...DEFAULT_ADDRESS, unfolded: kept })).unfolded).toEqual(kept);
});

describe('a validation error', () => {
  test.each([
    ['healthy\nlatency>200', 2, 'latency>', '200'],
    ['healthy\nhealthy,to=pod:', 2, 'healthy,to=pod:', ''],
    ['healthy\nhealthy,colour=red', 2, 'healthy,', 'colour=red'],
    ['healthy\nquick', 2, '', 'quick'],
    ['\n\nhealthy\n \n  expect=latency>200 ', 5, '  expect=latency>', '200'],
  ])('is shown in the line and at the character where the server finds it: %j', (typed, line, before, from) => {
    let told = '';
    try {
      parseClauses(clausesIn(typed));
    } catch (error) {
      told = (error as Error).message;
    }
    const { message: shown, place } = clauseErrorOf(told, typed);
    expect(place).toEqual({ line, before, from });
    expect(shown).toMatch(/^(expected|it is)/);
  });

  test('without a place, or about a line that is not there, is told as it came', () => {
    expect(clauseErrorOf('start in query: expected a time within the last HISTORY_WINDOW', 'healthy')).toEqual({
      message: 'start in query: expected a time within the last HISTORY_WINDOW',
      place: null,
    });
    expect(clauseErrorOf('expect 3 in query, character 1: no', 'healthy').place).toBeNull();
    expect(clauseErrorOf('expect 1 in query, character 99: no', 'healthy').place).toEqual({
      line: 1,
      before: 'healthy',
      from: '',
    });
  });
});
