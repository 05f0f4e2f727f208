import { useEffect, useState } from 'react';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { LinkSamples } from '../../server/protocol/sample.ts';
import { textOf } from '../../server/runtime/errors.ts';

/** Loads what fetches meshes and samples. The first picture does not need it, because the worker fetches that. */
export const loadMeshClient = () => import('../data/mesh-client.ts');

/** The mesh at a viewed time. */
export interface Moment {
  /** The mesh at that time, or the previous one while loading; null = none yet. */
  mesh: Mesh | null;
  /** Whether `mesh` is the requested one. */
  isThere: boolean;
  /** Why it could not be loaded; '' = no error. */
  error: string;
}

const NONE = { atMs: -1, mesh: null, error: '' };

/** Fetches the mesh at `atMs` (ms since the epoch, serving pod's clock); null = live. */
export function useMoment(atMs: number | null): Moment {
  const [state, setState] = useState<{ atMs: number; mesh: Mesh | null; error: string }>(NONE);
  useEffect(() => {
    if (atMs === null) {
      setState(NONE);
      return;
    }
    const abort = new AbortController();
    loadMeshClient()
      .then(({ fetchPastMesh }) => fetchPastMesh(atMs, abort.signal))
      .then(
        (mesh) => abort.signal.aborted || setState({ atMs, mesh, error: '' }),
        (error: unknown) => abort.signal.aborted || setState((old) => ({ ...old, atMs, error: textOf(error, 200) })),
      );
    return () => abort.abort();
  }, [atMs]);
  const isSettled = atMs === state.atMs;
  return {
    mesh: atMs === null ? null : state.mesh,
    isThere: isSettled && state.error === '',
    error: isSettled ? state.error : '',
  };
}

/** The samples that were known `ageMs` ago, for viewing the past. Pods keep samples only for minutes. */
export function samplesAgo(samples: LinkSamples, ageMs: number): LinkSamples {
  const nowMs = samples.nowMs - ageMs;
  const kept = samples.samples.filter(({ atMs }) => atMs <= nowMs);
  const error = samples.error === '' && kept.length === 0 ? 'No samples kept for that time' : samples.error;
  return { ...samples, nowMs, samples: kept, error };
}
