import { useMemo } from 'react';
import type { Mesh } from '../../server/contract/mesh.ts';
import type { Address } from '../pure/address.ts';
import { buildPicture, type Picture } from '../pure/picture.ts';

/**
 * The picture of the whole (newest totals: what the summary, the notices and the graph speak of), and the one that is
 * drawn: in the heatmap it is of the value and phase that were chosen. null while there is no matrix.
 */
export function usePictures(mesh: Mesh | null, address: Address): { overview: Picture | null; drawn: Picture | null } {
  const { thresholds, view, value, phase } = address;
  const overview = useMemo(
    () => (mesh === null ? null : buildPicture(mesh, { thresholds, value: 'last', phase: 'total' })),
    [mesh, thresholds],
  );
  const usual = view !== 'heatmap' || (value === 'last' && phase === 'total');
  const chosen = useMemo(
    () => (mesh === null || usual ? null : buildPicture(mesh, { thresholds, value, phase })),
    [mesh, thresholds, usual, value, phase],
  );
  return { overview, drawn: chosen ?? overview };
}
