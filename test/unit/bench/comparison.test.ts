import { describe, expect, it } from 'vitest';
import { type Comparison, comparisonRows, ratio } from '../../bench/comparison.ts';
import { figure } from '../../bench/figures.ts';
import { jsonText, textOf } from '../../bench/program.ts';

const CPU: Comparison = {
  measure: 'CPU',
  unit: '%',
  values: { ours: 1.5, oursFresh: 4, goldpinger: 2.5, bareKept: 1.2, bareFresh: 3 },
  aims: { ours: 0.6, oursFresh: 1.3 },
  note: '',
};
const WITHOUT: Comparison = { ...CPU, values: { ours: 1.5, oursFresh: Number.NaN, bareKept: 1.2 } };
/** The cells of the only row by the titles of their columns; both columns `aim` in a list. */
function cells(comparison: Comparison): Record<string, string[]> {
  const [head = [], row = []] = comparisonRows([comparison]);
  const byTitle: Record<string, string[]> = {};
  for (const [i, title] of head.entries()) byTitle[title] = [...(byTitle[title] ?? []), row[i] ?? ''];
  return byTitle;
}

describe('a comparison with Goldpinger', () => {
  it('is ours divided by the other, for kept connections and for new ones', () => {
    expect(ratio(CPU, 'ours', 'goldpinger')).toBeCloseTo(0.6, 9);
    expect(ratio(CPU, 'oursFresh', 'goldpinger')).toBeCloseTo(1.6, 9);
    expect(ratio(CPU, 'ours', 'bareKept')).toBeCloseTo(1.25, 9);
  });

  it('has no ratio where one of both is missing, unknown or 0', () => {
    expect(ratio(WITHOUT, 'ours', 'goldpinger')).toBeNull();
    expect(ratio(WITHOUT, 'oursFresh', 'bareKept')).toBeNull();
    expect(ratio({ values: { ours: 1, goldpinger: 0 } }, 'ours', 'goldpinger')).toBeNull();
  });

  it('says in the table which aims are met', () => {
    expect(cells(CPU)).toMatchObject({
      ours: ['1.50'],
      Goldpinger: ['2.50'],
      'ours : G': ['0.60'],
      'ours : bare': ['1.25'],
      '0s : 0s': ['1.33'],
      'ours, 0s : G': ['1.60'],
      aim: ['<= 0.6, met', '<= 1.3, NOT met'],
    });
  });

  it('leaves out what is not there, and names what could not be measured', () => {
    expect(cells(WITHOUT)).toMatchObject({
      'ours, 0s': ['not measured'],
      Goldpinger: [''],
      'ours : G': [''],
      aim: ['<= 0.6', '<= 1.3'],
    });
  });
});

describe('what a bench prints', () => {
  const results = { figures: [figure('start', 120, 'ms', 150)], comparisons: [CPU], remarks: ['no Goldpinger'] };

  it('is a table of figures, one of comparisons, and the remarks', () => {
    const [figures, comparisons, remarks, ...others] = textOf(results).split('\n\n');
    expect(figures).toMatch(/^measure +value +aim +met\nstart +120 ms +<= 150 ms +yes$/);
    expect(comparisons?.split('\n')).toHaveLength(2);
    expect(remarks).toBe('no Goldpinger\n');
    expect(others).toEqual([]);
  });

  it('leaves out a table without rows', () => {
    expect(textOf({ ...results, figures: [], remarks: [] })).toMatch(/^measure +unit/);
  });

  it('is JSON with the same parts', () => {
    const json = JSON.parse(jsonText({ ...results, comparisons: [WITHOUT] }));
    const comparisons = [{ ...CPU, values: { ours: 1.5, oursFresh: null, bareKept: 1.2 } }];
    expect(json).toEqual({ node: process.version, ...results, comparisons });
  });
});
