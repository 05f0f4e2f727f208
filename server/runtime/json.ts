/** What a caller accepts of another process. */
export interface JsonLimits {
  /** The most elements of lists and members of objects, at any depth. */
  maxValues: number;
}

/** The deepest nesting. The answers of pods need 5. */
const MAX_DEPTH = 16;
/** Bytes that are looked at, or parsed, between two yields: 0.1 to 0.5 ms. */
const PIECE_BYTES = 32 * 1024;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Parses JSON from another process. Depth and number of values are counted in the bytes, before anything is made of them:
 * a megabyte of `[],[],...` takes 20 MB once it is parsed. Yields every few 100 us; run it with `runSliced`. Throws a
 * SyntaxError if the text is no JSON, and a RangeError if it holds more than `limits` allow.
 */
export function* parseJson(bytes: Buffer, limits: JsonLimits): Generator<void, unknown> {
  yield* checkShape(bytes, limits);
  return yield* parsePart(bytes, 0, bytes.length);
}

/** Throws a RangeError if the text is nested too deeply or has too many values. Does not look whether it is JSON. */
function* checkShape(bytes: Buffer, { maxValues }: JsonLimits): Generator<void, void> {
  let depth = 0;
  let values = 1;
  let nextYield = PIECE_BYTES;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfText(bytes, i);
    else if (byte === COMMA) values += 1;
    else if (byte === LIST || byte === OBJECT) {
      depth += 1;
      values += 1;
    } else if (byte === LIST_END || byte === OBJECT_END) depth -= 1;
    if (depth > MAX_DEPTH) throw new RangeError(`JSON nested more than ${MAX_DEPTH} levels deep`);
    if (values > maxValues) throw new RangeError(`JSON with more than ${maxValues} values`);
    if (i < nextYield) continue;
    nextYield = i + PIECE_BYTES;
    yield;
  }
}

/** Index of the quote that ends the text which begins at `from`; the end of `bytes` if there is none. */
function endOfText(bytes: Buffer, from: number): number {
  for (let i = from + 1; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i += 1;
    else if (bytes[i] === QUOTE) return i;
  }
  return bytes.length;
}

/** Parses the value between `from` and `to`; a long list or object child by child. */
function* parsePart(bytes: Buffer, from: number, to: number): Generator<void, unknown> {
  const start = skipSpace(bytes, from, 1);
  const last = skipSpace(bytes, to - 1, -1);
  const isList = bytes[start] === LIST && bytes[last] === LIST_END;
  const isObject = bytes[start] === OBJECT && bytes[last] === OBJECT_END;
  if (to - from <= PIECE_BYTES || !(isList || isObject)) return JSON.parse(bytes.toString('utf8', from, to));
  const elements: unknown[] = [];
  const members: [string, unknown][] = [];
  let childFrom = start + 1;
  while (childFrom <= last) {
    const childTo = yield* endOfChild(bytes, childFrom, last);
    if (isList) elements.push(yield* parsePart(bytes, childFrom, childTo));
    else members.push(yield* parseMember(bytes, childFrom, childTo));
    childFrom = childTo + 1;
    yield;
  }
  return isList ? elements : Object.fromEntries(members);
}

function* parseMember(bytes: Buffer, from: number, to: number): Generator<void, [string, unknown]> {
  const colon = skipSpace(bytes, endOfText(bytes, skipSpace(bytes, from, 1)) + 1, 1);
  if (bytes[colon] !== COLON || colon >= to) throw new SyntaxError('a member without a name in JSON');
  return [String(JSON.parse(bytes.toString('utf8', from, colon))), yield* parsePart(bytes, colon + 1, to)];
}

/** Index of the comma that ends the child of a list or object which begins at `from`; `to` if it is the last child. */
function* endOfChild(bytes: Buffer, from: number, to: number): Generator<void, number> {
  let depth = 0;
  let nextYield = from + PIECE_BYTES;
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfText(bytes, i);
    else if (byte === LIST || byte === OBJECT) depth += 1;
    else if (byte === LIST_END || byte === OBJECT_END) depth -= 1;
    else if (byte === COMMA && depth === 0) return i;
    if (i < nextYield) continue;
    nextYield = i + PIECE_BYTES;
    yield;
  }
  return to;
}

/** The first index from `i` on, in steps of `step`, that is not white space. */
function skipSpace(bytes: Buffer, i: number, step: 1 | -1): number {
  let at = i;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at += step;
  return at;
}
