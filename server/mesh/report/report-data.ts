import type { Annotations } from '../../contract/annotation.ts';
import type { Events } from '../../contract/event.ts';
import type { Finding } from '../../contract/finding.ts';
import type { Mesh } from '../../contract/mesh.ts';
import { MAX_REPORT_ANNOTATIONS, MAX_REPORT_EVENTS, REPORT_FORMAT, type ReportData } from '../../contract/report.ts';
import type { VerdictAnswer } from '../../contract/verdict.ts';
import { compare, touchingOf } from './comparison.ts';
import type { ByRange } from './each-link.ts';
import { momentsOf } from './moments.ts';
import type { PodTable } from './pod-table.ts';
import type { RangeView } from './range-view.ts';
import { targetsOf, toldTargets } from './targets.ts';
import { titleOf } from './title.ts';
import { unknownsOf } from './unknowns.ts';

/** Everything that a report is made of. */
export interface ReportSources {
  /** '' = one that is made of what is reported. */
  title: string;
  nowMs: number;
  /** Of the matrix of the range "during". */
  head: Pick<Mesh, 'servedBy' | 'settings' | 'discovery'>;
  /** `during` is there always. */
  views: ByRange<RangeView | null> & { during: RangeView };
  table: PodTable;
  verdict: VerdictAnswer;
  /** Numbers of the pods that the hypothesis names. */
  named: readonly number[];
  events: Events;
  annotations: Annotations;
  /** What could not be looked at as wanted, a sentence each. */
  notes: readonly string[];
}

/** Makes the report. Yields after each row and each other small step. */
export function* reportDataOf(sources: ReportSources): Generator<void, ReportData> {
  const { views, table, head } = sources;
  const { settings, discovery } = head;
  const links = { before: views.before?.links ?? null, during: views.during.links, after: views.after?.links ?? null };
  const compared = { ranges: links, table, slowUs: settings.slowLinkMs * 1000 };
  const { findings, numbers } = views.during;
  const isNew = newnessOf(views.before);
  const touching = yield* touchingOf(compared);
  const targets = targetsOf({ named: sources.named, findings: findings.filter(isNew), numbers, touching });
  const comparison = yield* compare(compared, targets.pods);
  const ranges = {
    before: views.before?.range ?? null,
    during: views.during.range,
    after: views.after?.range ?? null,
  };
  const told = findings.map((finding) => toldFinding(finding, !isNew(finding)));
  const { shown, isCut } = shownEvents(sources.events);
  return {
    format: REPORT_FORMAT,
    title: sources.title || titleOf({ findings: told, affected: comparison.affected }),
    generatedAtMs: sources.nowMs,
    servedBy: head.servedBy.name,
    cluster: {
      ...{ version: settings.version, namespace: discovery.namespace, labelSelector: discovery.labelSelector },
      ...{ pods: ranges.during.pods, refreshIntervalMs: settings.refreshIntervalMs },
      ...{ pingTimeoutMs: settings.pingTimeoutMs, slowLinkMs: settings.slowLinkMs },
    },
    ranges,
    verdict: sources.verdict,
    findings: told,
    targets: toldTargets(targets, table),
    ...comparison,
    ...momentsOf({
      beforeEndMs: Math.min(ranges.before?.toMs ?? ranges.during.fromMs, ranges.during.fromMs),
      ...{ fromMs: ranges.during.fromMs, toMs: ranges.during.toMs, endMs: ranges.after?.toMs ?? ranges.during.toMs },
      ...{ events: sources.events.events, annotations: sources.annotations.annotations },
      targets: new Set([...targets.pods].map((pod) => table.pods[pod]?.uid ?? '')),
      affected: comparison.affected,
    }),
    events: shown,
    annotations: annotationsWithin(sources),
    unknown: unknownsOf({
      ...{ notes: sources.notes, ranges, verdict: sources.verdict, discovery, lostFromView: comparison.lostFromView },
      ...{ missingEvents: sources.events.missing, missingAnnotations: sources.annotations.missing, eventsCut: isCut },
    }).slice(0, 30),
  };
}

/** Tells whether a finding was not there before. */
function newnessOf(before: RangeView | null): (finding: Finding) => boolean {
  const keyOf = ({ kind, subject }: Finding) => `${kind} ${subject}`;
  const known = new Set(before?.findings.map(keyOf));
  return (finding) => !known.has(keyOf(finding));
}

function toldFinding({ kind, severity, subject, title, detail }: Finding, before: boolean) {
  return { kind, severity, subject, title, detail, before };
}

/** All events that have room: those of links give way to the rarer ones. */
function shownEvents({ events, truncated }: Events): { shown: Events['events']; isCut: boolean } {
  if (events.length <= MAX_REPORT_EVENTS) return { shown: events, isCut: truncated };
  const others = events.filter(({ kind }) => !kind.startsWith('link-')).slice(0, MAX_REPORT_EVENTS / 2);
  const kept = new Set(others);
  for (const event of events) if (kept.size < MAX_REPORT_EVENTS && event.kind.startsWith('link-')) kept.add(event);
  return { shown: events.filter((event) => kept.has(event)), isCut: true };
}

/** Annotations that fall into the time from the beginning of "before" to the end of "after". */
function annotationsWithin({ views, annotations }: ReportSources): Annotations['annotations'] {
  const fromMs = views.before?.range.fromMs ?? views.during.range.fromMs;
  const toMs = views.after?.range.toMs ?? views.during.range.toMs;
  const within = annotations.annotations.filter((mark) => mark.fromMs <= toMs && (mark.toMs ?? mark.fromMs) >= fromMs);
  return within.slice(0, MAX_REPORT_ANNOTATIONS);
}
