import type { Mesh, MeshRow } from '../contract/mesh.ts';
import { missingRow } from './merge.ts';

/** The last whole matrix over the same window, and how long ago it ended. */
export interface LastMesh {
  mesh: Mesh;
  agoMs: number;
}

/** A row that came longer ago than this tells nothing of now: a fault may have begun since. */
const BORROWED_MS = 2_000;

/**
 * A collection that goes on, with a row for each pod whose answer has not come yet: that of the last matrix if it came at
 * most 2 s ago, else a missing one. What has come always stands, missing rows too: they are news.
 */
export function withAwaited(soFar: Mesh, last: LastMesh | null): Mesh {
  const arrived = new Set(soFar.rows.map(({ pod }) => pod));
  const lent = last === null || !hasSamePods(soFar, last.mesh) ? new Map<number, MeshRow>() : freshRows(last);
  const awaited = soFar.pods.flatMap(({ lifecycle }, pod) => (lifecycle === 'gone' || arrived.has(pod) ? [] : [pod]));
  const rows = awaited.map((pod) => {
    const arrival = { pod, atMs: soFar.atMs, fetchUs: 0 };
    return lent.get(pod) ?? missingRow(arrival, 'timeout', 'its answer has not come yet');
  });
  return { ...soFar, rows: [...soFar.rows, ...rows].sort((a, b) => a.pod - b.pod) };
}

/** Rows that are here and came a short while ago. Told by when the matrix ended: the time of day may be put right. */
function freshRows({ mesh, agoMs }: LastMesh): Map<number, MeshRow> {
  const fresh = mesh.rows.filter(({ missing, atMs }) => missing === '' && agoMs + mesh.atMs - atMs <= BORROWED_MS);
  return new Map(fresh.map((row) => [row.pod, row]));
}

/** Whether indexes of pods mean the same in both. */
function hasSamePods(a: Mesh, b: Mesh): boolean {
  return a.pods.length === b.pods.length && a.pods.every(({ uid }, i) => uid === b.pods[i]?.uid);
}
