import { JsonFault } from './go-json.ts';

/** A JSON object's fields; keys in lower case, as Go reads them without regard to case. */
export type Fields = ReadonlyMap<string, unknown>;

/** The fields of a JSON value that has to be an object (null counts as an empty one). Throws JsonFault. */
export function fieldsOf(value: unknown, type: string): Fields {
  if (value instanceof Map) return value;
  if (value === null) return new Map();
  throw new JsonFault(`json: cannot unmarshal ${kindOf(value)} into Go value of type ${type}`);
}

/** A text field; `otherwise` where it is missing or null. Throws JsonFault. */
export function textField(fields: Fields, name: string, type: string, otherwise: string): string {
  return field(fields, name, `${type}.${name} of type string`, otherwise, (value) => typeof value === 'string');
}

/** A flag; see `textField`. */
export function flagField(fields: Fields, name: string, type: string, otherwise: boolean): boolean {
  return field(fields, name, `${type}.${name} of type bool`, otherwise, (value) => typeof value === 'boolean');
}

/** A number; see `textField`. */
export function numberField(fields: Fields, name: string, type: string, otherwise: number): number {
  return field(fields, name, `${type}.${name} of type float32`, otherwise, (value) => typeof value === 'number');
}

/** A whole number; see `textField`. */
export function wholeField(fields: Fields, name: string, type: string, otherwise: number): number {
  return field(fields, name, `${type}.${name} of type int64`, otherwise, (value) => Number.isSafeInteger(value));
}

function field<T>(fields: Fields, name: string, place: string, otherwise: T, fits: (value: unknown) => boolean): T {
  const value = fields.get(name.toLowerCase());
  if (value === undefined || value === null) return otherwise;
  if (fits(value)) return value as T;
  const kind = typeof value === 'number' ? `number ${value}` : kindOf(value);
  throw new JsonFault(`json: cannot unmarshal ${kind} into Go struct field ${place}`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
