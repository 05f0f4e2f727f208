import { ApiFault, badBody } from './api.ts';
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
function numberField(fields: Fields, name: string, struct: string, otherwise: number): number {
  const value = given(fields, name);
  if (value === undefined) return otherwise;
  const figure = value instanceof Fraction ? value.value : value;
  if (typeof figure !== 'number') return misfit(kindOf(value), name, struct, 'float32');
  return Math.abs(figure) <= MAX_FLOAT32 ? figure : misfit(numberWords(value), name, struct, 'float32');
}

/** A whole number that is written as one (`1e2` is none); see `textField`. */
function wholeField(fields: Fields, name: string, struct: string, otherwise: number): number {
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

/** Which way a toxic works: upstream = from the client to the server. */
export type Stream = 'upstream' | 'downstream';

/** One fault as it is set on a proxy. Changed in place, so that live connections follow. */
export interface Toxic {
  attributes: Record<string, number>;
  name: string;
  type: ToxicType;
  stream: Stream;
  /** Share of connections that it works on, 0 to 1. */
  toxicity: number;
}

/** Attributes by type, in the order in which Toxiproxy writes them, all whole numbers. */
const ATTRIBUTES = {
  latency: ['latency', 'jitter'],
  bandwidth: ['rate'],
  slow_close: ['delay'],
  timeout: ['timeout'],
  reset_peer: ['timeout'],
  slicer: ['average_size', 'size_variation', 'delay'],
  limit_data: ['bytes'],
  noop: [],
} as const satisfies Record<string, readonly string[]>;

/** What a change of a toxic is read into, in Go's words. */
const CHANGES =
  'value of type struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }';

/** A kind of fault that the proxy knows. */
export type ToxicType = keyof typeof ATTRIBUTES;

/**
 * A toxic as a client describes it: no stream means downstream, no name `type_stream`. `taken` tells whether a name is
 * in use. Throws ApiFault 400 or 409 with Toxiproxy's words.
 */
export function newToxic(body: unknown, taken: (name: string) => boolean): Toxic {
  return badBody(() => {
    const fields = fieldsOf(body, 'value of type toxics.ToxicWrapper');
    const type = textField(fields, 'type', 'ToxicWrapper', '');
    const stream = streamOf(textField(fields, 'stream', 'ToxicWrapper', '') || 'downstream');
    const toxicity = numberField(fields, 'toxicity', 'ToxicWrapper', 1);
    if (!isToxicType(type)) throw new ApiFault(400, 'invalid toxic type');
    const name = textField(fields, 'name', 'ToxicWrapper', '') || `${type}_${stream}`;
    const attributesPlace = 'struct field ToxicWrapper.attributes of type toxics.NoopToxic';
    const given = fieldsOf(fields.get('attributes') ?? null, attributesPlace);
    if (taken(name)) throw new ApiFault(409, 'toxic already exists');
    return { attributes: attributesOf(given, type, {}), name, type, stream, toxicity };
  });
}

/** Changes the attributes and the toxicity that a client names; the others stay. Throws ApiFault 400. */
export function changeToxic(toxic: Toxic, body: unknown): void {
  badBody(() => {
    const fields = fieldsOf(body, CHANGES);
    const attributesPlace = `struct field .attributes of type toxics.${structOf(toxic.type)}`;
    const given = fieldsOf(fields.get('attributes') ?? null, attributesPlace);
    const attributes = attributesOf(given, toxic.type, toxic.attributes);
    toxic.toxicity = numberField(fields, 'toxicity', '', toxic.toxicity);
    toxic.attributes = attributes;
  });
}

function attributesOf(given: Fields, type: ToxicType, before: Record<string, number>): Record<string, number> {
  const names: readonly string[] = ATTRIBUTES[type];
  const of = `${structOf(type)}.attributes`;
  return Object.fromEntries(names.map((name) => [name, wholeField(given, name, of, before[name] ?? 0)]));
}

/** What Toxiproxy's source calls a toxic of that type, e.g. `SlowCloseToxic`. */
function structOf(type: ToxicType): string {
  const words = type.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}Toxic`;
}

function isToxicType(type: string): type is ToxicType {
  return Object.hasOwn(ATTRIBUTES, type);
}

function streamOf(word: string): Stream {
  const stream = word.toLowerCase();
  if (stream === 'upstream' || stream === 'downstream') return stream;
  throw new ApiFault(400, 'stream was invalid, can be either upstream or downstream');
}
