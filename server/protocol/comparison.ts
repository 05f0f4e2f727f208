import { annotationSchema } from './annotation.ts';
import { meshEventSchema } from './event.ts';
import { findingSchema, findingsSchema, MAX_FINDINGS } from './finding.ts';
import { failedShare, MIN_CHANGE_US } from './link-quality.ts';
import { decodeColumns, emptyColumns, encodeColumns, MAX_LINKS } from './links.ts';
import { podNameSchema } from './pod.ts';
import * as v from './validators.ts';
import { verdictSchema } from './verdict.ts';

/** The compared ranges, in the order of time. */
export const RANGE_NAMES = ['before', 'during', 'after'] as const;
export type RangeName = (typeof RANGE_NAMES)[number];

/** What became of a link from the range "before" to "during": `changeOf` in `analysis/comparison/change.ts` decides it. */
export const CHANGES = [
  /** It has no sample in one of the ranges, and its source did not report then, or that range is shorter than a round of pings. */
  'unknown',
  /** None of the others. */
  'same',
  /** No probe failed during, and its median is larger by 0.5 ms and a fifth; or it is slow, and had no ok sample before. */
  'slower',
  /** No probe failed during, and its median is smaller by at least 0.5 ms and a fifth. */
  'faster',
  /** Probes failed before, none during, and during it is neither slow nor lossy. */
  'recovered',
  /** Probes failed in both ranges, and the share of them less than doubled. */
  'still-fails',
  /** Probes failed during, and the share of failed ones at least doubled. */
  'fails-more',
  /** It has samples during and none before, and probes failed, or it is slow or lossy. */
  'new-bad',
  /** It has samples during and none before, and nothing is wrong. */
  'new',
  /** It has samples before and none during. */
  'gone',
  /** No probe failed during, it is lossy then (LOSSY), and the share of lost datagrams at least doubled. */
  'loses-more',
] as const;
export type Change = (typeof CHANGES)[number];

export const REPORT_FORMAT = 'goldpinger-ts/report/1';
const COMPARISON_FORMAT = 'goldpinger-ts/comparison/1';
/** The most links that a report lists as changed, events, annotations, names in any list, and sentences about what is not known. */
export const MAX_CHANGED = 200;
export const MAX_REPORT_EVENTS = 300;
export const MAX_REPORT_ANNOTATIONS = 100;
export const MAX_REPORT_NAMES = 20;
export const MAX_REPORT_UNKNOWN = 30;
/** The most characters of its title, of a name (a pod, or a link as `a → b`), and of a sentence. */
export const MAX_REPORT_TITLE = 200;
export const MAX_REPORT_NAME = 600;
export const MAX_REPORT_SENTENCE = 1000;

/** A list of pods or links: how many there are, and some of their names. */
const nameListSchema = v.object({
  count: v.wholeNumber,
  names: v.boundedArray(v.boundedText(MAX_REPORT_NAME), MAX_REPORT_NAMES),
});
export type NameList = v.InferOutput<typeof nameListSchema>;

/** One of the compared ranges, by the serving pod's clock. */
const rangeSchema = v.object({
  fromMs: v.finiteNumber,
  toMs: v.finiteNumber,
  /** The length of the longest bucket of samples from which the figures are made, ms; 0 = from samples. */
  resolutionMs: v.finiteNumber,
  /** Pods that were asked for their report, and those whose report is missing. */
  pods: v.wholeNumber,
  missing: nameListSchema,
});
export type ReportRange = v.InferOutput<typeof rangeSchema>;

const datagramEntries = {
  /** Datagrams of the UDP probe that were sent in the range, and those of them that were lost; absent if none was sent. */
  sent: v.exactOptional(v.wholeNumber),
  lost: v.exactOptional(v.wholeNumber),
};

/** Key figures of some links in one range. */
const rangeFiguresSchema = v.object({
  ...datagramEntries,
  /** Links with a sample in the range. */
  links: v.wholeNumber,
  /** Those of them with a failed probe. */
  failed: v.wholeNumber,
  /** The others with a median of SLOW_LINK or longer. */
  slow: v.wholeNumber,
  /** The median over links of each link's own p50, p95 and maximum, us; -1 without an ok sample. */
  p50Us: v.finiteNumber,
  p95Us: v.finiteNumber,
  maxUs: v.finiteNumber,
});
export type RangeFigures = v.InferOutput<typeof rangeFiguresSchema>;

/** An object with one value for each range. null: the report has no such range. */
const inRanges = <T extends v.GenericSchema>(schema: T) =>
  v.object({ before: v.nullable(schema), during: schema, after: v.nullable(schema) });
/** Key figures of some links in each range. */
const inRangesSchema = inRanges(rangeFiguresSchema);
export type InRanges = v.InferOutput<typeof inRangesSchema>;

/** The figures of one link in one range; `p50Us` is -1 without an ok sample. */
const linkSummarySchema = v.object({
  samples: v.wholeNumber,
  failures: v.wholeNumber,
  p50Us: v.finiteNumber,
  /** See `Jitter`, us; absent if it is not known. */
  jitterUs: v.exactOptional(v.finiteNumber),
  /** The usual latency of the link (see `USUAL`), us; absent while it is not known. */
  usualUs: v.exactOptional(v.finiteNumber),
  ...datagramEntries,
  /** In how many cycles they were lost, at most 255; absent if none was lost. */
  lossCycles: v.exactOptional(v.wholeNumber),
});
export type LinkSummary = v.InferOutput<typeof linkSummarySchema>;

/** A link that changed from before to during. */
const changedSchema = v.object({
  from: v.boundedText(MAX_REPORT_NAME),
  to: v.boundedText(MAX_REPORT_NAME),
  fromUid: v.boundedText(128),
  toUid: v.boundedText(128),
  ipv6: v.boolean(),
  change: v.picklist(CHANGES),
  /** See `affected` in the report. */
  affected: v.boolean(),
  /** Whether its source or its destination is a target. */
  touchesTarget: v.boolean(),
  /** null: the link has no sample in that range. */
  ...v.entriesFromList(RANGE_NAMES, v.nullable(linkSummarySchema)),
});
export type ChangedLink = v.InferOutput<typeof changedSchema>;

/** By how much the median of a link changed from before to during, us; null where one of the ranges has no median. */
export function medianChangeUs({ before, during }: Pick<ChangedLink, 'before' | 'during'>): number | null {
  if (before === null || during === null || before.p50Us < 0 || during.p50Us < 0) return null;
  return during.p50Us - before.p50Us;
}

/** A pod that left in the range "during", or in the half minute before it if that is after "before". */
const lostPodSchema = v.object({
  /** Names of the pod and of the one that took its place ('' = none). */
  name: v.boundedText(MAX_REPORT_NAME),
  replacedBy: v.boundedText(MAX_REPORT_NAME),
  /** Whether its owner still has pods, so that it has to be replaced. */
  needsReplacement: v.boolean(),
  /** When it left, ms since the epoch: not before `earliestMs`, and by `lostMs`. */
  earliestMs: v.finiteNumber,
  lostMs: v.finiteNumber,
  /** Since when the replacement has been ready, and also every link to it ok; null = it is not, or that is not known. */
  readyMs: v.nullable(v.finiteNumber),
  healthyMs: v.nullable(v.finiteNumber),
});
export type LostPodFacts = v.InferOutput<typeof lostPodSchema>;

/** A figure that a reader looks for first, as texts. */
const keyFigureSchema = v.object({
  name: v.boundedText(60),
  value: v.boundedText(120),
  note: v.boundedText(MAX_REPORT_SENTENCE),
});
export type KeyFigure = v.InferOutput<typeof keyFigureSchema>;

/** How long something took. */
const elapsedSchema = v.object({
  /** null: it was not detected, or did not recover, or that is not known; `message` says which. */
  ms: v.nullable(v.finiteNumber),
  /** When the measurement begins: with an annotation, with an end of the range "during", or with the loss of a pod. */
  sinceMs: v.finiteNumber,
  since: v.picklist(['annotation', 'range', 'loss']),
  /** When it ends, ms since the epoch; 0 = not known. */
  atMs: v.finiteNumber,
  /** One sentence. */
  message: v.boundedText(MAX_REPORT_SENTENCE),
});
export type ElapsedTime = v.InferOutput<typeof elapsedSchema>;

/** What happened in a range, compared with the time before and after it: `/api/v1/report?from=&to=`. */
const reportSchema = v.object({
  format: v.literal(REPORT_FORMAT),
  title: v.boundedText(MAX_REPORT_TITLE),
  generatedAtMs: v.finiteNumber,
  servedBy: v.boundedText(MAX_REPORT_NAME),
  cluster: v.object({
    version: v.boundedText(64),
    namespace: v.boundedText(253),
    labelSelector: v.boundedText(2048),
    pods: v.wholeNumber,
    refreshIntervalMs: v.finiteNumber,
    pingTimeoutMs: v.finiteNumber,
    slowLinkMs: v.finiteNumber,
  }),
  ranges: inRanges(rangeSchema),
  /** Whether the hypothesis held in the range "during". */
  verdict: verdictSchema,
  findings: v.boundedArray(
    // `before`: whether the range "before" has the same finding.
    v.object({
      ...v.pick(findingSchema, ['kind', 'severity', 'subject', 'title', 'detail']).entries,
      before: v.boolean(),
    }),
    MAX_FINDINGS,
  ),
  /** The pods at which the fault was aimed, and how that is known. */
  targets: v.object({ by: v.picklist(['hypothesis', 'finding', 'most-affected', 'none']), ...nameListSchema.entries }),
  figures: v.object({ all: inRangesSchema, affected: inRangesSchema, others: inRangesSchema }),
  /**
   * Links that became worse from before to during: a probe failed, or the median is SLOW_LINK or longer, or it is lossy; and the
   * failed share, the median or the lost share is at least twice that of before, if there are samples of before.
   */
  affected: v.object({
    links: v.wholeNumber,
    /** All links with a sample in the range "during". */
    of: v.wholeNumber,
    /** Those of them that were still bad at the end of the last range, where both pods were still there. */
    stillBad: v.wholeNumber,
    /** Those one of whose pods has left: they were bad at their last ping, or have no sample in "after". */
    unprobed: v.wholeNumber,
    /** The others without a sample in "after", unless they were well at the end of "during" and their source reported. */
    notKnown: v.wholeNumber,
    /** Their destinations and their sources. */
    to: nameListSchema,
    from: nameListSchema,
  }),
  /** Affected links that touch no target, as `a → b`. */
  collateral: nameListSchema,
  /** Links with samples before and none during, because their source did not report or their turn did not come. */
  lostFromView: v.wholeNumber,
  /** How many links changed in which way. */
  changes: v.object(v.entriesFromList(CHANGES, v.wholeNumber)),
  changed: v.boundedArray(changedSchema, MAX_CHANGED),
  /** Links known before and during that are not in `changed`, and the largest change of a median among them. */
  unlisted: v.object({ links: v.wholeNumber, maxChangeUs: v.finiteNumber }),
  timeToDetect: elapsedSchema,
  timeToRecover: elapsedSchema,
  /** The lost pods, in the order in which they left: how many, and the first of them. */
  lostPods: v.object({ count: v.wholeNumber, pods: v.boundedArray(lostPodSchema, MAX_REPORT_NAMES) }),
  keyFigures: v.boundedArray(keyFigureSchema, 10),
  events: v.boundedArray(meshEventSchema, MAX_REPORT_EVENTS),
  annotations: v.boundedArray(annotationSchema, MAX_REPORT_ANNOTATIONS),
  /** What is not known, a sentence without a full stop each. */
  unknown: v.boundedArray(v.boundedText(MAX_REPORT_SENTENCE), MAX_REPORT_UNKNOWN),
});
export type ReportData = v.InferOutput<typeof reportSchema>;
export const parseReport = (wire: unknown) => v.validate(reportSchema, wire);

const comparisonSchema = v.object({
  format: v.literal(COMPARISON_FORMAT),
  report: reportSchema,
  /** DISPLAY_NODENAME. */
  displayNodeName: v.boolean(),
  /** All pods of the ranges. */
  pods: v.boundedArray(
    // `isTarget`: whether it is one of the report's targets.
    v.object({ ...podNameSchema.entries, isTarget: v.boolean() }),
    MAX_LINKS,
  ),
  /** The report's findings with their evidence; `pods` and `from` are indexes in `pods`. */
  findings: findingsSchema,
  links: v.boundedList(MAX_LINKS),
});

/** A report and all links behind it: `/api/v1/comparison?from=&to=`. */
export interface Comparison extends Omit<v.InferOutput<typeof comparisonSchema>, 'format' | 'links'> {
  /** All links that have a sample in any range, by source. */
  links: ComparedColumns[];
}

/** `flags` of a compared link, beside `FLAG_IPV6`: it is affected. */
export const FLAG_AFFECTED = 2;
/** Percentage of failed probes of a link without a sample in the range. */
export const NOT_SEEN = 255;

/** Failed probes in percent: 0 only if no probe failed, 100 only if all failed; `NOT_SEEN` without a sample. */
export function failedPercent(link: Pick<LinkSummary, 'samples' | 'failures'> | null): number {
  if (link === null || link.samples === 0) return NOT_SEEN;
  const { samples, failures } = link;
  if (failures === 0 || failures >= samples) return failures === 0 ? 0 : 100;
  return Math.max(1, Math.min(99, Math.round((failures / samples) * 100)));
}

/** What is worth saying of a link in one range beside its median. */
export interface QualityNotes {
  /** The share (0..1) of the probes that failed, and of the datagrams that were lost; 0 = none. */
  failed: number;
  lost: number;
  /** us; -1 = so little that it says nothing, or not known. */
  jitterUs: number;
  /** The median as a multiple of what is usual for the link; -1 = it is as usual, or that is not known. */
  timesUsual: number;
}

/** The notes for a link of a report. On the page and in the report they are the same. */
export function qualityNotes({
  samples,
  failures,
  p50Us,
  jitterUs = -1,
  usualUs = -1,
  sent = 0,
  lost = 0,
}: LinkSummary): QualityNotes {
  const times = usualUs > 0 ? p50Us / usualUs : -1;
  // Written with one digit, 1.0 times as much says nothing; nor does 0.0, as after a long fault, which is usual then.
  const isUnusual = times >= 0.05 && Math.abs(times - 1) >= 0.05 && Math.abs(p50Us - usualUs) >= MIN_CHANGE_US;
  return {
    failed: Math.max(0, failedShare(samples, failures)),
    lost: sent === 0 ? 0 : lost / sent,
    jitterUs: jitterUs < MIN_CHANGE_US ? -1 : jitterUs,
    timesUsual: isUnusual ? times : -1,
  };
}

/** The compared links of one source. */
const COMPARED_COLUMNS = {
  /** Index of the destination. */
  to: Uint16Array,
  /** Medians, packed by `pack16`. */
  beforeP50Us: Uint16Array,
  duringP50Us: Uint16Array,
  afterP50Us: Uint16Array,
  /** `FLAG_IPV6`, `FLAG_AFFECTED`. */
  flags: Uint8Array,
  /** Index in `CHANGES`. */
  change: Uint8Array,
  /** Failed probes in percent; see `failedPercent`. */
  beforeFailed: Uint8Array,
  duringFailed: Uint8Array,
  afterFailed: Uint8Array,
} as const;

export type ComparedColumns = ReturnType<typeof emptyComparedColumns>;

/** Columns for `length` links of the source with index `from` in `Comparison.pods`, all zero. */
export function emptyComparedColumns(from: number, length: number) {
  return { length, from, ...emptyColumns(COMPARED_COLUMNS, length) };
}

/** A comparison as JSON in pieces, one for each source, so that sending 1000 of them never blocks for long. */
export function* encodeComparison({ report, links, ...head }: Comparison): Generator<string> {
  yield `{"format":${JSON.stringify(COMPARISON_FORMAT)},"report":${JSON.stringify(report)},`;
  yield `${JSON.stringify(head).slice(1, -1)},"links":[`;
  for (const [i, columns] of links.entries()) {
    const wire = { from: columns.from, ...encodeColumns(columns) };
    yield (i === 0 ? '' : ',') + JSON.stringify(wire);
  }
  yield ']}';
}

export function parseComparison(wire: unknown): Comparison {
  const { format: _, ...comparison } = v.validate(comparisonSchema, wire);
  const podCount = comparison.pods.length;
  return { ...comparison, links: comparison.links.map((columns) => decodeComparedColumns(columns, podCount)) };
}

const columnsHeadSchema = v.object({ from: v.wholeNumber, length: v.wholeNumber });

function decodeComparedColumns(wire: unknown, podCount: number): ComparedColumns {
  const { from, length } = v.validate(columnsHeadSchema, wire);
  // A link to each pod over both IP families.
  if (length > 2 * podCount) throw new RangeError(`${length} compared links to ${podCount} pods`);
  const columns = emptyComparedColumns(from, length);
  decodeColumns(wire, columns);
  const last = columns.to.reduce((max, to) => Math.max(max, to), from);
  if (last >= podCount) throw new RangeError(`a compared link names pod ${last} of ${podCount}`);
  return columns;
}
