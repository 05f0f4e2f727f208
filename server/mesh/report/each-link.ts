import { emptyFigures, type LinkFigures, type RangeLinks, type RangeRow, readLink } from './range-links.ts';

/** The names of the ranges. */
export const RANGES = ['before', 'during', 'after'] as const;

/** One value a range. */
export type ByRange<T> = Record<(typeof RANGES)[number], T>;

/** One link in all ranges; null where it had no sample. Only good until the next link. */
export type LinkTrio = ByRange<LinkFigures | null>;

/** Links visited in one turn: some microseconds each. */
const TURN_LINKS = 200;

/** Where the links of one row of one range are. */
interface Lookup {
  row: RangeRow | undefined;
  /** Entry by key, -1 = none. */
  entry: Int32Array;
  figures: LinkFigures;
}

/**
 * Visits every link that any of the ranges has, once, all ranges at a time. `podCount` is that of the table whose numbers
 * the ranges use. Yields after each row and each few links.
 */
export function* eachLink(
  ranges: ByRange<RangeLinks | null>,
  podCount: number,
  visit: (from: number, key: number, trio: LinkTrio) => void,
): Generator<void, void> {
  const lookup = (): Lookup => ({
    row: undefined,
    entry: new Int32Array(podCount * 2).fill(-1),
    figures: emptyFigures(),
  });
  const lookups: ByRange<Lookup> = { before: lookup(), during: lookup(), after: lookup() };
  const trio: LinkTrio = { before: null, during: null, after: null };
  let visits = 0;
  for (let from = 0; from < podCount; from++) {
    for (const name of RANGES) enter(lookups[name], ranges[name]?.get(from));
    // The same link is in up to three rows: whoever has it first takes it out of all.
    for (const name of RANGES) {
      const { row, entry } = lookups[name];
      const length = row?.keys.length ?? 0;
      for (let i = 0; i < length; i++) {
        const key = row?.keys[i] ?? 0;
        if (entry[key] === -1) continue;
        trio.before = takeOut(lookups.before, key);
        trio.during = takeOut(lookups.during, key);
        trio.after = takeOut(lookups.after, key);
        visit(from, key, trio);
        if (++visits % TURN_LINKS === 0) yield;
      }
    }
    yield;
  }
}

function enter(lookup: Lookup, row: RangeRow | undefined): void {
  lookup.row = row;
  if (row !== undefined) for (let i = 0; i < row.keys.length; i++) lookup.entry[row.keys[i] ?? 0] = i;
}

function takeOut({ row, entry, figures }: Lookup, key: number): LinkFigures | null {
  const i = entry[key] ?? -1;
  if (row === undefined || i === -1) return null;
  entry[key] = -1;
  return readLink(row, i, figures);
}
