import { useEffect, useMemo, useState } from 'react';
import type { Finding } from '../../server/protocol/finding.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';

/** Findings of a mesh if links are slow from `slowMs` on. */
interface Known {
  mesh: Mesh;
  slowMs: number;
  findings: Finding[];
}

/**
 * The findings of a mesh at the reader's threshold `slowMs`. They are the server's if that is SLOW_LINK. Otherwise the page
 * runs the same analysis, in time slices; until it is done, the server's findings are shown without slow ones that are
 * not slow at this threshold.
 */
export function useFindings(mesh: Mesh | null, slowMs: number): Mesh['findings'] {
  const [known, setKnown] = useState<Known | null>(null);
  useEffect(() => {
    if (mesh === null || slowMs === mesh.settings.slowLinkMs) return;
    const abort = new AbortController();
    void analyse(mesh, slowMs, abort.signal).then((findings) => {
      if (findings !== null) setKnown({ mesh, slowMs, findings });
    });
    return () => abort.abort();
  }, [mesh, slowMs]);
  const filtered = useMemo(
    () =>
      mesh?.findings.filter(({ severity, totalUs }) => severity !== 'slow' || totalUs >= slowMs * 1000) ?? NO_FINDINGS,
    [mesh, slowMs],
  );
  if (mesh === null) return NO_FINDINGS;
  if (slowMs === mesh.settings.slowLinkMs) return mesh.findings;
  // Findings name pods by index, so those of an earlier mesh are valid if it has the same pods.
  const isKnown = known !== null && known.slowMs === slowMs && known.mesh.pods === mesh.pods;
  return isKnown ? known.findings : filtered;
}

const NO_FINDINGS: Finding[] = [];

/** Longest time slice: leaves time for drawing in each frame, ms. */
const SLICE_MS = 4;

/** null = aborted, or the code of the analysis could not be loaded. */
async function analyse(mesh: Mesh, slowMs: number, signal: AbortSignal): Promise<Finding[] | null> {
  // Few readers move a threshold, so the analysis is not part of the first visit.
  const loaded = await import('../model/findings-at.ts').catch(() => null);
  const work = loaded?.findingsAt(mesh, slowMs);
  let startMs = performance.now();
  while (work !== undefined && !signal.aborted) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() - startMs < SLICE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    startMs = performance.now();
  }
  return null;
}
