/** Decimal digits in Go's notation: an underscore may stand between two of them. */
const DIGITS = String.raw`\d+(?:_\d+)*`;
const HEX = String.raw`[\da-f]+(?:_[\da-f]+)*`;
const DECIMAL_FLOAT = new RegExp(`^[+-]?(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, 'i');
/** The prefix counts as a digit for the underscore after it; the exponent of 2 is required. */
const HEX_FLOAT = new RegExp(`^([+-]?)0x(_?${HEX})?\\.?(${HEX})?p([+-]?${DIGITS})$`, 'i');

/**
 * Reads a number as Go's strconv.ParseFloat does with 64 bits (https://pkg.go.dev/strconv#ParseFloat): `5e-2`, `1_000`, `0x1p-2`.
 * NaN for a text that Go refuses, and for "NaN"; a number that is too large for Go is NaN, too.
 */
export function parseGoFloat(text: string): number {
  const [word] = /^[+-]?inf(?:inity)?$/i.exec(text) ?? [];
  if (word !== undefined) return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const bare = (part = '') => part.replaceAll('_', '');
  let value = Number.NaN;
  const [, sign, whole, fraction, exponent] = HEX_FLOAT.exec(text) ?? [];
  if (exponent !== undefined && (whole ?? fraction) !== undefined) {
    const digits = bare(whole) + bare(fraction);
    const shift = Number(bare(exponent)) - 4 * bare(fraction).length;
    // BigInt keeps all digits, so that only the last step rounds.
    value = Number(BigInt(`0x${digits}`)) * 2 ** shift * (sign === '-' ? -1 : 1);
  } else if (DECIMAL_FLOAT.test(text)) value = Number(bare(text));
  return Number.isFinite(value) ? value : Number.NaN;
}

/**
 * Reads a whole number as Go's strconv.ParseInt does with base 10 and 64 bits (https://pkg.go.dev/strconv#ParseInt). NaN for a
 * text that Go refuses. Beyond 2^53 the number is rounded.
 */
export function parseGoInt(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) return Number.NaN;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? Number(value) : Number.NaN;
}
