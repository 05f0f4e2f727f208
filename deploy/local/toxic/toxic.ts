import * as v from '../../../server/protocol/validators.ts';

/** The direction of a toxic. `upstream` is from the client to the server. */
export type Stream = 'upstream' | 'downstream';

/** One fault of a proxy. It is changed in place, so that live connections see the change. */
export interface Toxic {
  attributes: Record<string, number>;
  name: string;
  type: ToxicType;
  stream: Stream;
  /**
   * The share of connections that it affects: 0 = none, 1 = all. As in Toxiproxy any number is accepted; below 0 is as 0,
   * above 1 as 1.
   */
  toxicity: number;
}

/** The attributes of each type, in Toxiproxy's order. All are whole numbers. */
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

export type ToxicType = keyof typeof ATTRIBUTES;

/** Go refuses a toxicity beyond this in either direction, because Toxiproxy reads it as a float32. */
const MAX_TOXICITY = 3.4028234663852886e38;
/** A text that may be left out or null; '' then. */
const TEXT = v.nullish(v.string(), '');
/** No type has more than 3 attributes, and others are ignored. More than this are refused. */
const MAX_ATTRIBUTES = 50;
/** The fields of a toxic that a client may change. */
const CHANGES = {
  attributes: v.nullish(v.boundedRecord(v.string(), v.unknown(), MAX_ATTRIBUTES), {}),
  toxicity: v.nullish(v.pipe(v.number(), v.minValue(-MAX_TOXICITY), v.maxValue(MAX_TOXICITY))),
};

/**
 * Makes the toxic that a client describes. Without a stream it is downstream, without a name its name is `TYPE_STREAM`.
 * `isTaken` tells whether a name is in use. Throws ToxiproxyError 400 or 409.
 */
export function newToxic(body: unknown, isTaken: (name: string) => boolean): Toxic {
  const fields = parseFields({ ...CHANGES, name: TEXT, type: TEXT, stream: TEXT }, body);
  const { type, toxicity } = fields;
  const stream = fields.stream.toLowerCase() || 'downstream';
  if (stream !== 'upstream' && stream !== 'downstream') {
    throw new ToxiproxyError(400, 'stream was invalid, can be either upstream or downstream');
  }
  if (!isToxicType(type)) throw new ToxiproxyError(400, 'invalid toxic type');
  const name = fields.name || `${type}_${stream}`;
  if (isTaken(name)) throw new ToxiproxyError(409, 'toxic already exists');
  const attributes = attributesOf(type, fields.attributes, {});
  return { attributes, name, type, stream, toxicity: toxicity ?? 1 };
}

/** Changes the attributes and the toxicity that a client names. Throws ToxiproxyError 400. */
export function changeToxic(toxic: Toxic, body: unknown): void {
  const { attributes, toxicity } = parseFields(CHANGES, body);
  toxic.attributes = attributesOf(toxic.type, attributes, toxic.attributes);
  toxic.toxicity = toxicity ?? toxic.toxicity;
}

/**
 * The attributes of a type: as given, else as they were, else 0. Names that the type does not have are ignored. A negative
 * number is accepted, as in Toxiproxy, and acts as 0 (`faults.ts`).
 */
function attributesOf(type: ToxicType, given: Record<string, unknown>, before: Record<string, number>) {
  const attributes: Record<string, number> = {};
  for (const name of ATTRIBUTES[type]) {
    const value = given[name] ?? before[name] ?? 0;
    if (!Number.isSafeInteger(value)) throw makeBodyError(`attributes.${name} must be a whole number`);
    attributes[name] = value as number;
  }
  return attributes;
}

function isToxicType(type: string): type is ToxicType {
  return Object.hasOwn(ATTRIBUTES, type);
}

/** A request that fails. Toxiproxy's clients show the message. */
export class ToxiproxyError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads the fields of a JSON object; null counts as an empty object, as in Toxiproxy. Throws ToxiproxyError 400 with the
 * first wrong field.
 */
export function parseFields<T extends v.ObjectEntries>(
  fields: T,
  body: unknown,
): v.InferOutput<v.ObjectSchema<T, undefined>> {
  if (Array.isArray(body)) throw makeBodyError('expected an object, not a list');
  try {
    return v.validate(v.object(fields), body ?? {});
  } catch (error) {
    if (!(error instanceof v.InvalidError)) throw error;
    throw makeBodyError(`${error.path || 'body'}: ${error.fault}`);
  }
}

/** Makes the error of a request whose body cannot be read: status 400. */
export function makeBodyError(reason: string): ToxiproxyError {
  return new ToxiproxyError(400, `bad request body: ${reason}`);
}
