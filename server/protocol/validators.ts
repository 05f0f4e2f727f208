import * as v from 'valibot';

/** A string of at most `length` characters. */
export const text = (length: number) => v.pipe(v.string(), v.maxLength(length));
/** A finite number. */
export const figure = v.pipe(v.number(), v.finite());
/** A whole number from 0 on. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
