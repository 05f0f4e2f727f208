/** The longest label value, in UTF-16 units: the longest name that Kubernetes allows. */
export const MAX_LABEL_LENGTH = 253;

// Most values are plain names and addresses, which one quick look tells.
const PLAIN = /^[\w .:/-]*$/;
// A NUL ends the text for some scrapers, and the other control characters have no business in a name.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNFIT = /[\u0000-\u0009\u000b-\u001f\u007f]|\p{Surrogate}/gu;
const SPECIAL = /[\\"\n]/g;

/** The start of a value that fits into a label: what is counted by label must be told apart by what is shown of it. */
export function bounded(value: string): string {
  return value.slice(0, MAX_LABEL_LENGTH);
}

/**
 * A label value as it stands between quotes in the exposition formats: at most `MAX_LABEL_LENGTH` units of the value,
 * backslash, quote and line feed escaped, other control characters and broken surrogates replaced by U+FFFD.
 */
export function labelValue(value: string): string {
  const short = bounded(value);
  if (PLAIN.test(short)) return short;
  return short.replace(UNFIT, '\ufffd').replace(SPECIAL, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

/** Labels without braces (`a="1",b="2"`), in the order given; names are ours and taken as they are. */
export function labelText(labels: Readonly<Record<string, string | number>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${labelValue(String(value))}"`)
    .join(',');
}
