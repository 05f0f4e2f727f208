import * as v from 'valibot';

/*
 * All that builds schemas, with our own builders beside it: `import * as v` from this file. Calls of the builders are marked to
 * have no side effects, so that the page leaves out what it does not use.
 */
export * from 'valibot';

/** A string of at most `maxLength` UTF-16 units. */
export const boundedText = /* @__NO_SIDE_EFFECTS__ */ (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength));
/** A number that is neither NaN nor infinite. */
export const finiteNumber = v.pipe(v.number(), v.finite());
/** An integer that is not negative. */
export const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A list of at most `maxLength` values, which are not looked at. */
export const boundedList = /* @__NO_SIDE_EFFECTS__ */ <T = unknown>(maxLength: number) =>
  v.custom<T[]>(
    (value) => Array.isArray(value) && value.length <= maxLength,
    `expected a list of at most ${maxLength}`,
  );
/** An array of at most `maxLength` elements. The length is checked first: a hostile list costs nothing but its parsing. */
export const boundedArray = /* @__NO_SIDE_EFFECTS__ */ <T extends v.GenericSchema>(element: T, maxLength: number) =>
  v.pipe(boundedList<v.InferInput<T>>(maxLength), v.array(element));
/** An object with any keys, at most `maxMembers` of them. The number is checked first, as in `boundedArray`. */
export const boundedRecord = <K extends v.BaseSchema<string, string, v.BaseIssue<unknown>>, T extends v.GenericSchema>(
  key: K,
  value: T,
  maxMembers: number,
) =>
  v.pipe(
    v.custom<Record<string, v.InferInput<T>>>(
      (wire) => hasAtMost(wire, maxMembers),
      `expected an object with at most ${maxMembers} members`,
    ),
    v.record(key, value),
  );

/** Whether a value is an object with at most `maxMembers` members. */
function hasAtMost(value: unknown, maxMembers: number): boolean {
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
 * Validates a value from another process, or from a file. Every schema is used through this function, or through `is`: both stop at
 * the first fault, because a hostile value can have a million of them. Throws an InvalidError.
 */
export function validate<T extends v.GenericSchema>(schema: T, wire: unknown): v.InferOutput<T> {
  const { issues, output } = v.safeParse(schema, wire, { abortEarly: true });
  if (issues === undefined) return output;
  const [issue] = issues;
  throw new InvalidError((v.getDotPath(issue) ?? '').slice(0, 100), issue.message.slice(0, 200));
}

/** The elements that a validator has left out because they are invalid. */
export interface Skipped {
  count: number;
  /** What is wrong with the first of them; '' without any. */
  reason: string;
}

export function noneSkipped(): Skipped {
  return { count: 0, reason: '' };
}

/** Counts an element that is left out because of `error`. */
export function skip(error: unknown, skipped: Skipped): void {
  if (skipped.count === 0) skipped.reason = error instanceof Error ? error.message : String(error);
  skipped.count += 1;
}

/** A list of at most `maxLength` elements, each of which is validated by itself: only in schemas that `parseSliced` uses. */
export const eachOf = /* @__NO_SIDE_EFFECTS__ */ <T extends v.GenericSchema>(element: T, maxLength: number) => ({
  ...boundedList(maxLength),
  element,
});

type AnyObject = v.GenericSchema<unknown, object> & { entries: v.ObjectEntries };
type Each<T extends v.GenericSchema> = { element: T } | { wrapped: { element: T } };

/** The output of `parseSliced`. */
export type Parsed<T extends AnyObject, Output = v.InferOutput<T>> = {
  [K in keyof Output]: T['entries'][K & string] extends Each<infer E> ? v.InferOutput<E>[] : Output[K];
};

/**
 * Validates an object from another process. An invalid element of a list by `eachOf` is left out and counted in `skipped`; throws
 * an InvalidError for any other fault. Yields after every few elements: see `readEach`.
 */
export function* parseSliced<T extends AnyObject>(
  schema: T,
  wire: unknown,
  skipped: Skipped,
): Generator<void, Parsed<T>> {
  const parsed = validate(schema, wire) as Record<string, unknown>;
  for (const [name, entry] of Object.entries(schema.entries)) {
    const { element } = ('wrapped' in entry ? entry.wrapped : entry) as { element?: v.GenericSchema };
    const list = parsed[name];
    if (element === undefined || !Array.isArray(list)) continue;
    parsed[name] = yield* readEach(list, (one) => validate(element, one), skipped);
  }
  return parsed as Parsed<T>;
}

/** As `parseSliced`, where nothing waits meanwhile. */
export function parseAtOnce<T extends AnyObject>(schema: T, wire: unknown): Parsed<T> {
  const work = parseSliced(schema, wire, noneSkipped());
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value;
}

/** This many elements are validated between two yields. Each takes some ten microseconds. */
const ELEMENTS_PER_SLICE = 16;

/**
 * Validates the elements of a list by `read`, which throws for an invalid one; those are left out and counted in `skipped`.
 * Yields after every few elements, for `runSliced`.
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
