import type { Contender } from './contenders.ts';
import { rounded } from './figures.ts';

/** One figure of all contenders, measured in the same run. */
export interface Comparison {
  measure: string;
  unit: 'ms' | 's' | 'MiB' | '%' | '/s';
  /** Of those that were measured. NaN = it could not be measured. */
  values: Partial<Record<Contender, number>>;
  /** Ours should be at most so many times Goldpinger's: with kept connections, and with a new one for each ping. */
  aims: Partial<Record<'ours' | 'oursFresh', number>>;
  note: string;
}

/** Ours divided by that of another contender; null where one of them is missing, or the other's is 0. */
function ratio({ values }: Pick<Comparison, 'values'>, of: 'ours' | 'oursFresh', to: Contender): number | null {
  const [own, other] = [values[of], values[to]];
  const quotient = own === undefined || other === undefined ? Number.NaN : own / other;
  return Number.isFinite(quotient) ? quotient : null;
}

/** The titles of the columns that hold a value. */
const TITLES: Record<Contender, string> = {
  ours: 'ours',
  oursFresh: 'ours, 0s',
  goldpinger: 'Goldpinger',
  bareKept: 'bare node',
  bareFresh: 'bare node, 0s',
};

/** The rows of a table for people, its head first. `0s`: FRESH_CONNECTION_INTERVAL=0s, each ping opens a connection. */
export function comparisonRows(comparisons: readonly Comparison[]): string[][] {
  const head = [
    'measure',
    'unit',
    ...Object.values(TITLES),
    ...['ours : bare', '0s : 0s'],
    ...['ours : G', 'aim', 'ours, 0s : G', 'aim', ''],
  ];
  const rows = comparisons.map((one) => [
    one.measure,
    one.unit,
    ...(Object.keys(TITLES) as Contender[]).map((contender) => valueText(one.values[contender])),
    ratioText(one, 'ours', 'bareKept'),
    ratioText(one, 'oursFresh', 'bareFresh'),
    ...(['ours', 'oursFresh'] as const).flatMap((of) => [ratioText(one, of, 'goldpinger'), aimText(one, of)]),
    one.note,
  ]);
  return [head, ...rows];
}

function valueText(value: number | undefined): string {
  if (value === undefined) return '';
  return Number.isFinite(value) ? rounded(value) : 'not measured';
}

function ratioText(one: Comparison, of: 'ours' | 'oursFresh', to: Contender): string {
  const value = ratio(one, of, to);
  return value === null ? '' : rounded(value);
}

function aimText(one: Comparison, of: 'ours' | 'oursFresh'): string {
  const aim = one.aims[of];
  if (aim === undefined) return '';
  const value = ratio(one, of, 'goldpinger');
  return `<= ${aim}${value === null ? '' : value <= aim ? ', met' : ', NOT met'}`;
}
