import { ApiFault, badBody } from './api-fault.ts';
import { type Fields, fieldsOf, numberField, textField, wholeField } from './fields.ts';

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
