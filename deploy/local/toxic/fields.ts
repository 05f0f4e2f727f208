import { Fraction, JsonFault } from './go-json.ts';

/** A JSON object's fields; keys in lower case, as Go reads them without regard to case. */
export type Fields = ReadonlyMap<string, unknown>;

/** The largest number that Go's float32 holds. */
const MAX_FLOAT32 = 3.4028234663852886e38;

/**
 * The fields of a JSON value that has to be an object (null counts as an empty one). `place` is what Go would read it
 * into, e.g. `value of type toxiproxy.Proxy`, `struct field .attributes of type toxics.NoopToxic`. Throws JsonFault.
 */
export function fieldsOf(value: unknown, place: string): Fields {
  if (value instanceof Map) return value;
  if (value === null) return new Map();
  throw new JsonFault(`json: cannot unmarshal ${kindOf(value)} into Go ${place}`);
}

/** A text field; `otherwise` where it is missing or null. `struct` is what Go calls the object. Throws JsonFault. */
export function textField(fields: Fields, name: string, struct: string, otherwise: string): string {
  const value = given(fields, name);
  if (value === undefined) return otherwise;
  return typeof value === 'string' ? value : misfit(kindOf(value), name, struct, 'string');
}

/** A flag; see `textField`. */
export function flagField(fields: Fields, name: string, struct: string, otherwise: boolean): boolean {
  const value = given(fields, name);
  if (value === undefined) return otherwise;
  return typeof value === 'boolean' ? value : misfit(kindOf(value), name, struct, 'bool');
}

/** A number; see `textField`. */
export function numberField(fields: Fields, name: string, struct: string, otherwise: number): number {
  const value = given(fields, name);
  if (value === undefined) return otherwise;
  const figure = value instanceof Fraction ? value.value : value;
  if (typeof figure !== 'number') return misfit(kindOf(value), name, struct, 'float32');
  return Math.abs(figure) <= MAX_FLOAT32 ? figure : misfit(numberWords(value), name, struct, 'float32');
}

/** A whole number that is written as one (`1e2` is none); see `textField`. */
export function wholeField(fields: Fields, name: string, struct: string, otherwise: number): number {
  const value = given(fields, name);
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  return misfit(numberWords(value), name, struct, 'int64');
}

/** A field's value; undefined where it is missing or null. */
function given(fields: Fields, name: string): unknown {
  return fields.get(name.toLowerCase()) ?? undefined;
}

function misfit(kind: string, name: string, struct: string, type: string): never {
  throw new JsonFault(`json: cannot unmarshal ${kind} into Go struct field ${struct}.${name} of type ${type}`);
}

/** A number that does not fit with its digits, anything else by its kind. */
function numberWords(value: unknown): string {
  if (value instanceof Fraction) return `number ${value.text}`;
  return typeof value === 'number' ? `number ${value}` : kindOf(value);
}

/** What Go calls a JSON value, by its kind. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'object';
  if (value instanceof Fraction) return 'number';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
