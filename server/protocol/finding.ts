import { OUTCOMES, PHASES } from './sample.ts';
import * as v from './validators.ts';

/**
 * What can be found in a mesh, in the order of `findingsFrom`; only pods that do not reach themselves (`link`) stand after paths.
 * `api-away`: the list of pods is stale or was never had. `cut-off`: the pods that report reach none of the others, and cannot
 * tell which side is the cause. `node`: all pods of a node, both directions.
 * `zone-block`: from one zone to another. `pod-unreachable`: most others fail to reach it. `pod-reaches-nobody`: it fails
 * to reach most others. `one-way`: from A to B fails, from B to A does not. `link`: a single link fails.
 * `path-service`, `path-dns`, `path-apiserver`, `path-ingress`: pods reach each other, but not our Service, the cluster's DNS,
 * the API server or the ingress (PATH_CHECKS).
 * `pod-intermittent`, `pod-intermittent-out`, `link-intermittent`: links into a pod, out of it, or a single one fail at times.
 * `pod-slow`: slow to reach from most others. `pod-slow-out`: it reaches most others slowly. `link-slow`: a single link.
 * `node-lossy`, `zones-lossy`, `pod-lossy`, `pod-lossy-out`, `link-lossy`: pings are fine, and datagrams of the UDP probe are
 * lost: on links of a node, between two zones, into a pod, out of it, on a single link.
 * `cpu-starved`: a pod's own measurements are not to be trusted. `list-differs`: a pod knows other pods than the rest does.
 * `pod-overdue`: a pod that should be gone by now. `report-missing`: a pod did not report.
 */
export const FINDING_KINDS = [
  'api-away',
  'cut-off',
  'node',
  'zone-block',
  'pod-unreachable',
  'pod-reaches-nobody',
  'one-way',
  'link',
  'path-service',
  'path-dns',
  'path-apiserver',
  'path-ingress',
  'pod-intermittent',
  'pod-intermittent-out',
  'link-intermittent',
  'pod-slow',
  'pod-slow-out',
  'link-slow',
  'node-lossy',
  'zones-lossy',
  'pod-lossy',
  'pod-lossy-out',
  'link-lossy',
  'cpu-starved',
  'list-differs',
  'pod-overdue',
  'report-missing',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** Whether findings of this kind are about a node. */
export function isAboutNode(kind: FindingKind): boolean {
  return kind === 'node' || kind === 'node-lossy';
}

/** Whether findings of this kind are about what lies between zones. */
export function isAboutZones(kind: FindingKind): boolean {
  return kind === 'zone-block' || kind === 'zones-lossy';
}

/** Whether findings of this kind are about lost datagrams on links whose pings are fine. */
export function isAboutLoss(kind: FindingKind): boolean {
  return kind.endsWith('-lossy') || kind === 'pod-lossy-out';
}

/** Whether findings of this kind count pods, not links, in `affected`: they are about what pods report. */
export function countsPods(kind: FindingKind): boolean {
  return kind === 'cpu-starved' || kind === 'list-differs' || kind === 'pod-overdue' || kind === 'report-missing';
}

/** The most findings of one mesh. If there are more, the detail of the last one says so. */
export const MAX_FINDINGS = 50;
/** The most pods that a finding names on either side. */
export const MAX_FINDING_PODS = 20;

const podIndex = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535));

/** Validates a `Finding`. */
export const findingSchema = v.object({
  kind: v.picklist(FINDING_KINDS),
  /**
   * Its colour: that of a failed, slow, suspect or unknown link. `failed` findings about pods and links count in health,
   * others do not.
   */
  severity: v.picklist(['failed', 'slow', 'suspect', 'unknown']),
  /** The name of its subject: a pod, a node, `zone a → zone b`, `a → b`. */
  subject: v.boundedText(600),
  /**
   * The pods that it is about (indexes in `Mesh.pods`): of a link its destination, of a node its pods; at most 20. None of a
   * path.
   */
  pods: v.boundedArray(podIndex, MAX_FINDING_PODS),
  /** The pods that report it: of a link its source; at most 20. */
  from: v.boundedArray(podIndex, MAX_FINDING_PODS),
  /** Links that show it, of all links that could show it; see `countsPods`. */
  affected: v.wholeNumber,
  of: v.wholeNumber,
  /** The outcome that most of those links share; null where they do not fail. */
  outcome: v.nullable(v.picklist(OUTCOMES)),
  /** The phase in which they fail or are late; null where both or none. `connect` in both: the network; else not. */
  phase: v.nullable(v.picklist(PHASES)),
  /** Medians over the affected links, us; -1 without one. */
  connectUs: v.finiteNumber,
  firstByteUs: v.finiteNumber,
  totalUs: v.finiteNumber,
  /** Since when, ms since the epoch by the serving pod's clock; 0 = not known. */
  sinceMs: v.finiteNumber,
  /** `subject: what is wrong, how it shows: what to check`. One sentence without a full stop. */
  title: v.boundedText(400),
  /** Counts, shares and medians; '' = none. */
  detail: v.boundedText(600),
});

/** One cause of failed or slow links, or another fault of a mesh, with its evidence. */
export type Finding = v.InferOutput<typeof findingSchema>;

/** Findings on the wire. */
export const findingsSchema = v.boundedArray(findingSchema, MAX_FINDINGS);
