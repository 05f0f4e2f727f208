import * as v from './validators.ts';

/** The most violations, and the most pods without a report, that a verdict names. */
export const MAX_VIOLATIONS = 20;

/** `pass`: every clause holds. `fail`: one does not. `unknown`: too little is known to say either. */
export const VERDICTS = ['pass', 'fail', 'unknown'] as const;

/** The most clauses that are asked at once, and the longest. */
export const MAX_CLAUSES = 20;
export const MAX_CLAUSE_LENGTH = 500;

/** The most characters of the reason of a verdict, and of what was found of a violation. */
export const MAX_REASON_LENGTH = 600;

/**
 * Whether a hypothesis holds: `/api/v1/verdict` answers with it. Its parameters: `expect` (any number of times), `window`
 * (a Go duration that ends now) or `start` and `end` (ms since the epoch or RFC 3339: a time range of the past), `status`,
 * `format`.
 */
export const verdictSchema = v.object({
  ok: v.boolean(),
  verdict: v.picklist(VERDICTS),
  /** Why it is unknown, or what fails first, in one sentence; '' after `pass`. */
  reason: v.boundedText(MAX_REASON_LENGTH),
  /** The clauses as they were understood. */
  expect: v.boundedArray(v.boundedText(600), MAX_CLAUSES),
  /** By clause, in the order of `expect`. */
  clauses: v.boundedArray(v.picklist(VERDICTS), MAX_CLAUSES),
  window_s: v.finiteNumber,
  /**
   * null for a window that ends now. Else the length of the longest bucket that the range was judged from, s; 0 = from samples. Up
   * to half of that may be missing, or too much, at both ends.
   */
  resolution_s: v.nullable(v.finiteNumber),
  /** Samples in the window on the links that any clause looks at. */
  samples: v.wholeNumber,
  links_checked: v.wholeNumber,
  /** Those of them with a failed probe in the window. */
  links_failed: v.wholeNumber,
  /** Over the ok links that were checked: the median of their p50s, the largest p95 and the largest max; null of none. */
  p50_ms: v.nullable(v.finiteNumber),
  p95_ms: v.nullable(v.finiteNumber),
  max_ms: v.nullable(v.finiteNumber),
  violations: v.boundedArray(
    v.object({
      clause: v.boundedText(600),
      from: v.boundedText(600),
      to: v.boundedText(600),
      /** What was found instead, e.g. `timeout`, `253 ms`. */
      found: v.boundedText(MAX_REASON_LENGTH),
      samples: v.wholeNumber,
    }),
    MAX_VIOLATIONS,
  ),
  /** Names of pods that did not report. */
  missing_reports: v.boundedArray(v.boundedText(600), MAX_VIOLATIONS),
  /** Names of pods that are left out because their node is cordoned (IGNORE_CORDONED); absent if there are none. */
  ignored_pods: v.optional(v.boundedArray(v.boundedText(600), MAX_VIOLATIONS)),
  generated_at: v.boundedText(40),
  served_by: v.boundedText(600),
});
export type VerdictAnswer = v.InferOutput<typeof verdictSchema>;
export const parseVerdict = (wire: unknown) => v.validate(verdictSchema, wire);
