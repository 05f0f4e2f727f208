import * as v from 'valibot';

/** A string of at most `maxLength` UTF-16 units. */
export const boundedText = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength));
/** A number that is neither NaN nor infinite. */
export const finiteNumber = v.pipe(v.number(), v.finite());
/** An integer that is not negative. */
export const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0));
/** An array of at most `maxLength` elements. The length is checked first: a hostile list costs nothing but its parsing. */
export const boundedArray = <T extends v.GenericSchema>(element: T, maxLength: number) =>
  v.pipe(v.array(v.unknown()), v.maxLength(maxLength), v.array(element));

/** This many elements are validated between two yields. Each takes some ten microseconds. */
const ELEMENTS_PER_SLICE = 16;

/**
 * Validates the elements of a list. Yields after every few elements, so that `runSliced` can let our own pings run in
 * between: a thousand elements at once block the event loop for too long. Throws at the first invalid element.
 */
export function* parseListSliced<T extends v.GenericSchema>(
  element: T,
  list: readonly unknown[],
): Generator<void, v.InferOutput<T>[]> {
  const parsed: v.InferOutput<T>[] = [];
  for (const value of list) {
    parsed.push(v.parse(element, value, { abortEarly: true }));
    if (parsed.length % ELEMENTS_PER_SLICE === 0) yield;
  }
  return parsed;
}
