import { useEffect, useState } from 'react';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { textOf } from '../../server/runtime/errors.ts';
import { fetchPastMesh } from '../data/history-requests.ts';

/** The mesh of a moment that is looked at. */
export interface Moment {
  /** Of the moment, or while that is on its way of the one before; null = none yet. */
  mesh: Mesh | null;
  /** Whether `mesh` is of the moment asked for. */
  isThere: boolean;
  /** Why it cannot be had; ''. */
  error: string;
}

const NONE = { atMs: -1, mesh: null, error: '' };

/** Fetches the mesh as it was at `atMs` (ms since the epoch, serving pod's clock); null = nothing is looked at. */
export function useMoment(atMs: number | null): Moment {
  const [state, setState] = useState<{ atMs: number; mesh: Mesh | null; error: string }>(NONE);
  useEffect(() => {
    if (atMs === null) {
      setState(NONE);
      return;
    }
    const abort = new AbortController();
    fetchPastMesh(atMs, abort.signal).then(
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
