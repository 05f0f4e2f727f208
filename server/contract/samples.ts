import * as v from 'valibot';
import { OUTCOMES, PHASES } from './outcome.ts';
import { figure, text } from './wire.ts';

/** The most samples that `/api/v1/samples` and `/api/v1/link` answer with. */
export const MAX_SAMPLES = 512;

const sampleSchema = v.object({
  atMs: figure,
  outcome: v.picklist(OUTCOMES),
  phase: v.nullable(v.picklist(PHASES)),
  connectUs: figure,
  firstByteUs: figure,
  totalUs: figure,
  suspect: v.boolean(),
});

const linkSamplesSchema = v.object({
  from: text(128),
  to: text(128),
  nowMs: figure,
  error: text(400),
  samples: v.pipe(v.array(sampleSchema), v.maxLength(MAX_SAMPLES)),
});

/**
 * The recent samples of one link, oldest first, as its probing pod kept them (`from`, `to`: pod uids).
 * `nowMs` is that pod's clock when it answered, so ages can be told without trusting clocks to agree.
 * `error`: why there are none, e.g. the probing pod did not answer; '' otherwise.
 */
export type LinkSamples = v.InferOutput<typeof linkSamplesSchema>;

/** One of `LinkSamples`; the same figures as a `Sample` (durations -1 where not reached). */
export type RecentSample = v.InferOutput<typeof sampleSchema>;

/** Validates the samples of a link from another process. Throws an Error that says what is wrong. */
export function parseLinkSamples(wire: unknown): LinkSamples {
  return v.parse(linkSamplesSchema, wire);
}
