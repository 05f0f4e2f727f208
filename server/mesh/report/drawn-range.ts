import type { Mesh, MeshRow } from '../../contract/mesh.ts';
import type { DrawnMesh } from '../heatmap/heatmap-png.ts';

/** Any outcome but ok is drawn as failed. */
const FAILED = 1;

/**
 * A matrix of the past as it is drawn in a report: not how each link stood at the end, but its median over the range, and
 * failed where a probe failed in it. Shares what it can with the matrix. Yields after each row.
 */
export function* drawnRangeOf(mesh: Mesh): Generator<void, DrawnMesh> {
  const rows: MeshRow[] = [];
  for (const row of mesh.rows) {
    rows.push(drawnRow(row));
    yield;
  }
  return { pods: mesh.pods, rows, settings: mesh.settings, atMs: mesh.past?.toMs ?? mesh.atMs };
}

function drawnRow(row: MeshRow): MeshRow {
  const { links, stats } = row;
  if (stats === null) return row;
  const outcome = new Uint8Array(links.length);
  for (let i = 0; i < outcome.length; i++) if ((stats.failures[i] ?? 0) > 0) outcome[i] = FAILED;
  return { ...row, links: { ...links, outcome, totalUs: stats.p50Us } };
}
