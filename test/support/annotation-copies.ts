import {
  ANNOTATION_COPIES_FORMAT,
  type AnnotationCopies,
  type AnnotationCopy,
} from '../../server/protocol/annotation.ts';

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
