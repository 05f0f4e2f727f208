import type { PodAnswer } from '../../server/peers/broadcast.ts';
import {
  ANNOTATION_COPIES_FORMAT,
  type AnnotationCopies,
  type AnnotationCopy,
  parseAnnotationCopiesSliced,
} from '../../server/protocol/annotation.ts';
import { COPY_FORMAT, parseCopyAnswerSliced } from '../../server/protocol/copy.ts';
import { JOURNAL_FORMAT, type Journal, type JournalEntry, parseJournalSliced } from '../../server/protocol/event.ts';
import { parseGoldpingerCheck } from '../../server/protocol/goldpinger.ts';
import { LATENCY_BINS_US, parseLinkHistorySliced, parsePodHistory } from '../../server/protocol/history.ts';
import { parseDepartedPodsSliced } from '../../server/protocol/pod.ts';
import { encodePodReport, parsePodReportSliced } from '../../server/protocol/pod-report.ts';
import { parseLinkSamplesSliced } from '../../server/protocol/sample.ts';
import { noneSkipped, type Skipped } from '../../server/protocol/validators.ts';
import { runToEnd } from './generator.ts';
import { eventPodOf, NOW_MS, podOf, podsOf, reportOf } from './mesh.ts';
import { sampleOf } from './samples.ts';

/** An entry in the journal of pod `by`, `agoMs` ago, about pod `of`. */
export interface Entry extends Partial<Omit<JournalEntry, 'pod'>> {
  by: number;
  agoMs: number;
  kind: JournalEntry['kind'];
  of?: number | null;
}

/** The journals of `count` pods, asked at `NOW_MS` by a pod that dates them `offMs` too late. */
export function journals(count: number, entries: readonly Entry[], offMs = 0): PodAnswer<Journal>[] {
  const blank = { apiTimeMs: 0, outcome: null, phase: null, totalUs: -1, detail: '' };
  return Array.from({ length: count }, (_, own) => {
    const events = entries
      .filter(({ by }) => by === own)
      .map(({ by: _by, agoMs, of = null, ...entry }, seq) => {
        return { ...blank, seq, ageMs: agoMs, pod: of === null ? null : eventPodOf(podOf(of)), ...entry };
      });
    const value: Journal = { format: JOURNAL_FORMAT, id: `j${own}`, knownAgeMs: 3_600_000, truncated: false, events };
    return { pod: podOf(own), value, atMs: NOW_MS + offMs, errorMs: 1 };
  });
}

/** A copy of the write `revision` of annotation `id`: begun a minute ago, written just now. */
export function copyOf(id: string, revision: string, change: Partial<AnnotationCopy> = {}): AnnotationCopy {
  return {
    id,
    version: 1,
    revision,
    fromAgeMs: 60_000,
    toAgeMs: null,
    writtenAgeMs: 0,
    text: `${id} ${revision}`,
    tags: [],
    deleted: false,
    ...change,
  };
}

/** Copies as they go from pod to pod. */
export function copiesOf(...annotations: AnnotationCopy[]): AnnotationCopies {
  return { format: ANNOTATION_COPIES_FORMAT, annotations };
}

/** Validates an answer; a generator validates it a few elements at a time. */
export type ParseAnswer = (wire: unknown, skipped: Skipped) => unknown;

/** Runs the validator of an answer to its end. */
export function readAnswer(parse: ParseAnswer, wire: unknown, skipped = noneSkipped()): unknown {
  const parsed = parse(wire, skipped);
  const isSliced = typeof parsed === 'object' && parsed !== null && 'next' in parsed;
  return isSliced ? runToEnd(parsed as Generator<void, unknown>).result : parsed;
}

const link = { from: 'a', to: 'b', error: '', nowMs: 0 };
const counts = [1, 2, 3];
const us = { minUs: 1, p50Us: 1, p95Us: 1, maxUs: 1, connectP50Us: 1, firstByteP50Us: 1 };

/** A copy with a sample and a cycle of datagrams, as it goes to a keeper. */
export const COPY_WIRE = {
  nowMs: 9_000,
  sinceMs: 5_000,
  untilMs: 6_000,
  links: 1,
  targets: [{ number: 0, uid: 'uid-1', name: 'pod-1', namespace: 'default', podIP: '', family: 4 }],
  pieces: [{ fromMs: 5_000, toMs: 6_000, samples: 'A'.repeat(20), cycles: 'A'.repeat(24) }],
  journal: journals(1, [{ by: 0, agoMs: 1, kind: 'pod-seen', of: 1 }])[0]!.value,
};

/** What pods answer each other with: a valid answer, and its validator. */
export const PEER_ANSWERS: Record<string, [wire: object, parse: ParseAnswer]> = {
  'pod report': [
    JSON.parse(encodePodReport(reportOf(podOf(0), podsOf(3), [{ to: 0 }], { details: [[0, 'x']], slow: [[0, 5]] }))),
    (wire, skipped) => parsePodReportSliced(wire, null, skipped),
  ],
  '/check': [{ podResults: { a: { OK: true } }, probeResults: {} }, parseGoldpingerCheck],
  journal: [
    { ...journals(1, [{ by: 0, agoMs: 1, kind: 'pod-seen', of: 1 }])[0]?.value, copies: [] },
    parseJournalSliced,
  ],
  'copies of annotations': [copiesOf(), parseAnnotationCopiesSliced],
  samples: [{ ...link, samples: [{ ...sampleOf(), atMs: 1, failsOnly: '' }] }, parseLinkSamplesSliced],
  'link history': [
    { ...link, resolutionMs: 0, steps: [{ atMs: 0, lengthMs: 1, samples: 2, failures: { refused: 1 }, ...us }] },
    parseLinkHistorySliced,
  ],
  'pod history': [
    {
      format: 'goldpinger-ts/pod-history/1',
      fromAgeMs: 3,
      toAgeMs: 0,
      resolutionMs: 0,
      knownAgeMs: 9,
      stepMs: 1,
      links: counts,
      failed: counts,
      byLatency: counts.map(() => LATENCY_BINS_US.map(() => 0).concat(0)),
    },
    parsePodHistory,
  ],
  copies: [{ format: COPY_FORMAT, hasMore: false, copies: [COPY_WIRE] }, parseCopyAnswerSliced],
  'departed pods': [
    { pods: [{ pod: podOf(1, { lifecycle: 'gone' }), stages: [['gone', 5]] }] },
    parseDepartedPodsSliced,
  ],
};
