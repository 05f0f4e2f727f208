import * as v from 'valibot';

/** A string of at most `maxLength` UTF-16 units. */
export const boundedText = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength));
/** A number that is neither NaN nor infinite. */
export const finiteNumber = v.pipe(v.number(), v.finite());
/** An integer that is not negative. */
export const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A list of at most `maxLength` values, which are not looked at. */
export const boundedList = <T = unknown>(maxLength: number) =>
  v.custom<T[]>(
    (value) => Array.isArray(value) && value.length <= maxLength,
    `expected a list of at most ${maxLength}`,
  );
/** An array of at most `maxLength` elements. The length is checked first: a hostile list costs nothing but its parsing. */
export const boundedArray = <T extends v.GenericSchema>(element: T, maxLength: number) =>
  v.pipe(boundedList<v.InferInput<T>>(maxLength), v.array(element));
/** An object with any keys, at most `maxMembers` of them. The number is checked first, as in `boundedArray`. */
export const boundedRecord = <K extends v.BaseSchema<string, string, v.BaseIssue<unknown>>, T extends v.GenericSchema>(
  key: K,
  value: T,
  maxMembers: number,
) =>
  v.pipe(
    v.custom<Record<string, v.InferInput<T>>>(
      (wire) => isShort(wire, maxMembers),
      `expected an object with at most ${maxMembers} members`,
    ),
    v.record(key, value),
  );

/** Whether a value is an object with at most `maxMembers` members. */
function isShort(value: unknown, maxMembers: number): boolean {
  let members = 0;
  if (typeof value !== 'object' || value === null) return false;
  for (const _ in value) if (++members > maxMembers) return false;
  return true;
}

/** The first fault of a value: where it is, e.g. `links.3` ('' = the value itself), and what it is. */
export class InvalidError extends TypeError {
  constructor(
    readonly path: string,
    readonly fault: string,
  ) {
    super(path === '' ? fault : `${path}: ${fault}`);
  }
}

/**
 * Validates a value from another process, or from a file. All schemas are used through this function: it stops at the first
 * fault, because a fault is an object that takes memory, and a hostile value can have a million of them. Throws an
 * InvalidError.
 */
export function validate<T extends v.GenericSchema>(schema: T, wire: unknown): v.InferOutput<T> {
  const { issues, output } = v.safeParse(schema, wire, { abortEarly: true });
  if (issues === undefined) return output;
  const [issue] = issues;
  throw new InvalidError((v.getDotPath(issue) ?? '').slice(0, 100), issue.message.slice(0, 200));
}

/** Runs work that yields between small pieces to its end at once, where nothing waits meanwhile. */
export function runAtOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** The elements that a validator has left out because they are invalid. */
export interface Skipped {
  count: number;
  /** What is wrong with the first of them; '' without any. */
  reason: string;
}

/** A new count. */
export function noneSkipped(): Skipped {
  return { count: 0, reason: '' };
}

/** Counts an element that is left out because of `error`. */
export function skip(error: unknown, skipped: Skipped): void {
  if (skipped.count === 0) skipped.reason = error instanceof Error ? error.message : String(error);
  skipped.count += 1;
}

/** This many elements are validated between two yields. Each takes some ten microseconds. */
const ELEMENTS_PER_SLICE = 16;

/**
 * Validates the elements of a list by `read`, which throws for an invalid one; those are left out and counted in `skipped`.
 * Yields after every few elements, so that `runSliced` can let our own pings run in between: a thousand elements at once
 * block the event loop for too long.
 */
export function* readEach<T>(
  list: readonly unknown[],
  read: (element: unknown) => T,
  skipped: Skipped,
): Generator<void, T[]> {
  const results: T[] = [];
  for (const [i, element] of list.entries()) {
    try {
      results.push(read(element));
    } catch (error) {
      skip(error, skipped);
    }
    if (i % ELEMENTS_PER_SLICE === ELEMENTS_PER_SLICE - 1) yield;
  }
  return results;
}
