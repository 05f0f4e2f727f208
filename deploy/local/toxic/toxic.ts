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

/** A kind of fault that the proxy knows. */
export type ToxicType = keyof typeof ATTRIBUTES;

/**
 * A toxic as a client describes it: no stream means downstream, no name `type_stream`. `taken` tells whether a name is
 * in use. Throws ApiFault 400 or 409 with Toxiproxy's words.
 */
export function newToxic(body: unknown, taken: (name: string) => boolean): Toxic {
  return badBody(() => {
    const fields = fieldsOf(body, 'toxics.ToxicWrapper');
    const type = textField(fields, 'type', 'ToxicWrapper', '');
    const stream = streamOf(textField(fields, 'stream', 'ToxicWrapper', '') || 'downstream');
    const toxicity = numberField(fields, 'toxicity', 'ToxicWrapper', 1);
    if (!isToxicType(type)) throw new ApiFault(400, 'invalid toxic type');
    const name = textField(fields, 'name', 'ToxicWrapper', '') || `${type}_${stream}`;
    if (taken(name)) throw new ApiFault(409, 'toxic already exists');
    return { attributes: attributesOf(fields, type, {}), name, type, stream, toxicity };
  });
}

/** Changes the attributes and the toxicity that a client names; the others stay. Throws ApiFault 400. */
export function changeToxic(toxic: Toxic, body: unknown): void {
  badBody(() => {
    const fields = fieldsOf(body, 'struct');
    const attributes = attributesOf(fields, toxic.type, toxic.attributes);
    toxic.toxicity = numberField(fields, 'toxicity', 'ToxicWrapper', toxic.toxicity);
    toxic.attributes = attributes;
  });
}

function attributesOf(fields: Fields, type: ToxicType, before: Record<string, number>): Record<string, number> {
  const given = fieldsOf(fields.get('attributes') ?? null, 'toxics.Toxic');
  const names: readonly string[] = ATTRIBUTES[type];
  const of = `${type}Toxic`;
  return Object.fromEntries(names.map((name) => [name, wholeField(given, name, of, before[name] ?? 0)]));
}

function isToxicType(type: string): type is ToxicType {
  return Object.hasOwn(ATTRIBUTES, type);
}

function streamOf(word: string): Stream {
  const stream = word.toLowerCase();
  if (stream === 'upstream' || stream === 'downstream') return stream;
  throw new ApiFault(400, 'stream was invalid, can be either upstream or downstream');
}
