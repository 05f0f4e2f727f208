import * as v from 'valibot';
import { annotationSchema } from './annotation.ts';
import { meshEventSchema } from './event.ts';
import { FINDING_KINDS } from './finding.ts';
import { boundedText, finiteNumber, wholeNumber } from './validators.ts';
import { verdictSchema } from './verdict.ts';

/** `format` of a report. */
export const REPORT_FORMAT = 'goldpinger-ts/report/1';
/** The most links that a report lists as changed. */
export const MAX_CHANGED = 50;
/** The most events and annotations of a report. */
export const MAX_REPORT_EVENTS = 300;
export const MAX_REPORT_ANNOTATIONS = 100;
/** The most names in any list of a report; what is beyond is counted. */
export const MAX_REPORT_NAMES = 20;

/** A list that names some of the pods or links that it counts. */
const namesSchema = v.object({
  count: wholeNumber,
  names: v.pipe(v.array(boundedText(600)), v.maxLength(MAX_REPORT_NAMES)),
});

const rangeSchema = v.object({
  fromMs: finiteNumber,
  toMs: finiteNumber,
  /** How fine its figures are: 0 = all samples are still there, else the length of a bucket. */
  resolutionMs: finiteNumber,
  /** Pods whose report was wanted, and those whose report is missing. */
  pods: wholeNumber,
  missing: namesSchema,
});

/** One of the ranges that a report compares. */
export type ReportRange = v.InferOutput<typeof rangeSchema>;

/** Durations in us, the median over links of each link's own figure; -1 without an ok sample. */
const figuresSchema = v.object({
  /** Links with a sample in the range. */
  links: wholeNumber,
  /** Those of them with a failed probe. */
  failed: wholeNumber,
  /** The others that are slow: p50 at SLOW_LINK or above. */
  slow: wholeNumber,
  p50Us: finiteNumber,
  p95Us: finiteNumber,
  maxUs: finiteNumber,
});

/** Key figures of some links in one range. */
export type ReportFigures = v.InferOutput<typeof figuresSchema>;

const inRangesSchema = v.object({
  before: v.nullable(figuresSchema),
  during: figuresSchema,
  after: v.nullable(figuresSchema),
});

const linkFiguresSchema = v.nullable(v.object({ samples: wholeNumber, failures: wholeNumber, p50Us: finiteNumber }));

const changedSchema = v.object({
  from: boundedText(600),
  to: boundedText(600),
  ipv6: v.boolean(),
  /** See `affected` in the report. */
  affected: v.boolean(),
  /** Whether it leads to or from a target. */
  touchesTarget: v.boolean(),
  /** null where it had no sample in that range. */
  before: linkFiguresSchema,
  during: linkFiguresSchema,
  after: linkFiguresSchema,
});

/** A link that changed from before to during. */
export type ChangedLink = v.InferOutput<typeof changedSchema>;

const momentSchema = v.object({
  /** null: it was not detected, or did not recover, or nobody knows; `words` say which. */
  ms: v.nullable(finiteNumber),
  /** From when it counts, and to when; 0 = not known. */
  sinceMs: finiteNumber,
  atMs: finiteNumber,
  /** One sentence. */
  words: boundedText(1000),
});

/** How long something took. */
export type ReportMoment = v.InferOutput<typeof momentSchema>;

const reportSchema = v.object({
  format: v.literal(REPORT_FORMAT),
  title: boundedText(200),
  generatedAtMs: finiteNumber,
  servedBy: boundedText(253),
  cluster: v.object({
    version: boundedText(64),
    namespace: boundedText(253),
    labelSelector: boundedText(2048),
    pods: wholeNumber,
    refreshIntervalMs: finiteNumber,
    pingTimeoutMs: finiteNumber,
    slowLinkMs: finiteNumber,
  }),
  /** By the serving pod's clock, ms since the epoch. null: there is nothing to look at. */
  ranges: v.object({ before: v.nullable(rangeSchema), during: rangeSchema, after: v.nullable(rangeSchema) }),
  /** Whether the hypothesis held in the range "during". */
  verdict: verdictSchema,
  findings: v.pipe(
    v.array(
      v.object({
        kind: v.picklist(FINDING_KINDS),
        severity: v.picklist(['failed', 'slow', 'suspect', 'unknown']),
        subject: boundedText(600),
        title: boundedText(400),
        detail: boundedText(600),
        /** Whether the same was found in the range "before". */
        before: v.boolean(),
      }),
    ),
    v.maxLength(50),
  ),
  /** Where the fault was aimed, as far as can be told, and what tells so. */
  targets: v.object({ by: v.picklist(['hypothesis', 'finding', 'most-affected', 'none']), ...namesSchema.entries }),
  figures: v.object({ all: inRangesSchema, affected: inRangesSchema, others: inRangesSchema }),
  /**
   * Links that became worse from before to during: a failed probe, and at least twice before's share of them; or a p50
   * at SLOW_LINK or above, and at least twice before's. A link that is not known from before counts when it is bad.
   */
  affected: v.object({
    links: wholeNumber,
    /** All links with a sample in the range "during". */
    of: wholeNumber,
    /** Those of them that were still failing or slow at the end of the last range. */
    stillBad: wholeNumber,
    /** Those of them that were no longer probed in the last range. */
    unprobed: wholeNumber,
    /** Pods that they lead to, and from. */
    to: namesSchema,
    from: namesSchema,
  }),
  /** Affected links that touch no target, as `a → b`. */
  collateral: namesSchema,
  /** Links with samples before that have none during: nobody can tell how they were. */
  lostFromView: wholeNumber,
  changed: v.pipe(v.array(changedSchema), v.maxLength(MAX_CHANGED)),
  /** Links known in both ranges that are not among them, and the most that the p50 of one of them changed by. */
  unlisted: v.object({ links: wholeNumber, maxChangeUs: finiteNumber }),
  timeToDetect: momentSchema,
  timeToRecover: momentSchema,
  events: v.pipe(v.array(meshEventSchema), v.maxLength(MAX_REPORT_EVENTS)),
  annotations: v.pipe(v.array(annotationSchema), v.maxLength(MAX_REPORT_ANNOTATIONS)),
  /** What is not known, a sentence each. */
  unknown: v.pipe(v.array(boundedText(1000)), v.maxLength(30)),
});

/** What happened in a range against the time before and after it: `/api/v1/report?from&to`. */
export type ReportData = v.InferOutput<typeof reportSchema>;

/** Some pods or links by name, and how many there are. */
export type ReportNames = v.InferOutput<typeof namesSchema>;

/** Validates a report from a server. Throws an Error that says what is wrong. */
export function parseReport(wire: unknown): ReportData {
  return v.parse(reportSchema, wire);
}
