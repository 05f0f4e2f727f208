import { OUTCOMES, PHASES } from './sample.ts';
import * as v from './validators.ts';

/** What can be found in a mesh, in the order in which findings stand; but a pod which does not reach itself stands after the paths. */
export const FINDING_KINDS = [
  /** The list of pods is stale, or none has come since the start. */
  'api-away',
  /** The pods that report reach none of the others. They cannot tell on which side the cause is. */
  'cut-off',
  /** All pods of a node fail, in both directions. */
  'node',
  /** Pings from one zone to another fail. */
  'zone-block',
  /** Most others fail to reach the pod. */
  'pod-unreachable',
  /** The pod fails to reach most others. */
  'pod-reaches-nobody',
  /** Pings from A to B fail, from B to A they do not. */
  'one-way',
  /** A single link fails. */
  'link',
  /** Pods reach each other, but not our Service, the cluster's DNS, the API server or the ingress (PATH_CHECKS). */
  'path-service',
  'path-dns',
  'path-apiserver',
  'path-ingress',
  /** Links into a pod, out of it, or a single one fail now and then. */
  'pod-intermittent',
  'pod-intermittent-out',
  'link-intermittent',
  /** The pod is slow to reach from most others, it reaches most others slowly, or a single link is slow. */
  'pod-slow',
  'pod-slow-out',
  'link-slow',
  /** Pings are fine, but datagrams are lost: on links of a node, between two zones, into a pod, out of it, on a single link. */
  'node-lossy',
  'zones-lossy',
  'pod-lossy',
  'pod-lossy-out',
  'link-lossy',
  /** What the pod itself measured cannot be trusted. */
  'cpu-starved',
  /** The pod knows other pods than the rest does. */
  'list-differs',
  /** The pod should be gone by now. */
  'pod-overdue',
  /** The pod did not report. */
  'report-missing',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export function isAboutNode(kind: FindingKind): boolean {
  return kind === 'node' || kind === 'node-lossy';
}

export function isAboutZones(kind: FindingKind): boolean {
  return kind === 'zone-block' || kind === 'zones-lossy';
}

/** Whether it is about lost datagrams on links whose pings are fine. */
export function isAboutLoss(kind: FindingKind): boolean {
  return kind.endsWith('-lossy') || kind === 'pod-lossy-out';
}

/** Whether `affected` counts pods, not links: it is about what pods report. */
export function countsPods(kind: FindingKind): boolean {
  return kind === 'cpu-starved' || kind === 'list-differs' || kind === 'pod-overdue' || kind === 'report-missing';
}

/** The most findings of one mesh, and pods that one names on either side. */
export const MAX_FINDINGS = 50;
export const MAX_FINDING_PODS = 20;
/** The most characters of a title and of a detail. */
export const MAX_FINDING_TITLE = 400;
export const MAX_FINDING_DETAIL = 600;

const podIndex = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535));

/** One cause of failed or slow links, or another fault of a mesh, with its evidence. */
export const findingSchema = v.object({
  kind: v.picklist(FINDING_KINDS),
  /** Its colour: that of a failed, slow, suspect or unknown link. Each failed link that health counts is in a `failed` finding. */
  severity: v.picklist(['failed', 'slow', 'suspect', 'unknown']),
  /** The name of its subject: a pod, a node, `zone a → zone b`, `a → b`. */
  subject: v.boundedText(600),
  /** The pods that it is about (indexes in `Mesh.pods`): of a link its destination, of a node its pods, of zones some of each. */
  pods: v.boundedArray(podIndex, MAX_FINDING_PODS),
  /** The pods that report it: of a link its source, of zones some of each. */
  from: v.boundedArray(podIndex, MAX_FINDING_PODS),
  /** Number of links that show it, and of all links that could show it. Pods instead of links if `countsPods`. */
  affected: v.wholeNumber,
  of: v.wholeNumber,
  /** The outcome that most of those links share; null where they do not fail. */
  outcome: v.nullable(v.picklist(OUTCOMES)),
  /** The phase in which they fail, or the only one that is late; null if two are late, or if it is not known. */
  phase: v.nullable(v.picklist(PHASES)),
  /** Medians over the affected links, us; -1 without one. */
  connectUs: v.finiteNumber,
  firstByteUs: v.finiteNumber,
  totalUs: v.finiteNumber,
  /** Since when, ms since the epoch by the serving pod's clock; 0 = not known. */
  sinceMs: v.finiteNumber,
  /** `subject: what is wrong, how it shows: what to check`. One sentence without a full stop. */
  title: v.boundedText(MAX_FINDING_TITLE),
  /** Counts, shares and medians; '' = none. */
  detail: v.boundedText(MAX_FINDING_DETAIL),
});
export type Finding = v.InferOutput<typeof findingSchema>;

export const findingsSchema = v.boundedArray(findingSchema, MAX_FINDINGS);
