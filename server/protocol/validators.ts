import * as v from 'valibot';

/** A string of at most `maxLength` UTF-16 units. */
export const boundedText = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength));
/** A number that is neither NaN nor infinite. */
export const finiteNumber = v.pipe(v.number(), v.finite());
/** An integer that is not negative. */
export const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0));
