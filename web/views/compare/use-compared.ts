import { useEffect, useState } from 'react';
import type { Annotation } from '../../../server/protocol/annotation.ts';
import type { MeshEvent } from '../../../server/protocol/event.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { fetchAnnotations, fetchEvents, fetchPastMesh } from '../../data/history-requests.ts';

/** A handle that is still being dragged asks for nothing. */
const REST_MS = 300;

/** The meshes of the ranges, in their order; those of the ranges before while newer ones are on their way. */
export interface Compared {
  meshes: readonly Mesh[];
  /** What happened and was noted meanwhile; empty where that cannot be had. */
  events: readonly MeshEvent[];
  annotations: readonly Annotation[];
  isThere: boolean;
  error: string;
}

const NONE = { of: '', meshes: [], events: [], annotations: [], error: '' };

/** Fetches the mesh of each range, with figures over it, and what happened. */
export function useCompared(ranges: readonly TimeRange[]): Compared {
  const [state, setState] = useState<Omit<Compared, 'isThere'> & { of: string }>(NONE);
  const key = JSON.stringify(ranges);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const wanted: TimeRange[] = JSON.parse(key);
      const { signal } = abort;
      Promise.all([
        Promise.all(wanted.map((range) => fetchPastMesh(range, signal))),
        fetchEvents({ fromMs: wanted[0]?.fromMs ?? 0, toMs: wanted.at(-1)?.toMs ?? 0 }, signal).catch(() => []),
        fetchAnnotations(signal).catch(() => []),
      ]).then(
        ([meshes, events, annotations]) =>
          signal.aborted || setState({ of: key, meshes, events, annotations, error: '' }),
        (error: unknown) => signal.aborted || setState((old) => ({ ...old, of: key, error: textOf(error, 200) })),
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  const isSettled = state.of === key;
  return { ...state, isThere: isSettled && state.error === '', error: isSettled ? state.error : '' };
}
