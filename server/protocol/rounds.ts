import { missingPartsSchema } from './event.ts';
import { podNameSchema } from './pod.ts';
import * as v from './validators.ts';

/** The most rounds in one answer. */
export const MAX_ROUNDS = 1000;

/** One round of an ongoing experiment: a pod that was created, had to become ready, and was deleted. */
const roundSchema = v.object({
  ...podNameSchema.entries,
  createdMs: v.finiteNumber,
  /** How long it took until the pod was ready, ms; null = it was not. The API's times are whole seconds. */
  readyAfterMs: v.nullable(v.finiteNumber),
  /** When the pod left, ms since the epoch; null = it is still there. */
  goneMs: v.nullable(v.finiteNumber),
  /**
   * `failed`: it left without having been ready, was ready later than wanted, or is still not ready then. `starting`: it is
   * not ready yet.
   */
  state: v.picklist(['ready', 'failed', 'starting']),
  /** Why it failed or does not start: the API's reason, such as `ImagePullBackOff`, or a sentence; '' = no reason is known. */
  why: v.boundedText(300),
  /** The pod that alone claims when the round began, was ready or ended; '' = the asked pod or several pods have seen it. */
  claimedBy: v.boundedText(600),
});
export type Round = v.InferOutput<typeof roundSchema>;

/** The rounds of ongoing experiments of which any part lies in a time range, oldest first: `/api/v1/rounds?from=&to=&within=`. */
const roundsSchema = v.object({
  fromMs: v.finiteNumber,
  toMs: v.finiteNumber,
  nowMs: v.finiteNumber,
  /** Whether older rounds are left out. */
  truncated: v.boolean(),
  missing: missingPartsSchema,
  rounds: v.boundedArray(roundSchema, MAX_ROUNDS),
});
export type Rounds = v.InferOutput<typeof roundsSchema>;
export const parseRounds = (wire: unknown) => v.validate(roundsSchema, wire);
