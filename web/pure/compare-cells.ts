import { FLAG_NOT_YET, unpack16 } from '../../server/protocol/links.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { podLabels, shownName } from './names.ts';

/** A pod of any of the ranges. */
export interface ComparedPod {
  uid: string;
  /** Fit to be shown. */
  name: string;
  label: string;
}

/** How all links did in one range; the pair (from, to) has index `from * n + to`. */
export interface RangeCells {
  /** Median of the ok probes, us; NaN without one. */
  p50Us: Float32Array;
  connectUs: Float32Array;
  /** Share (0..1) of the probes that failed; NaN without a probe. */
  failedShare: Float32Array;
}

/** The pods of all meshes, each once, in order of their names; with the index of each by uid. */
export function comparedPods(meshes: readonly Mesh[]): { pods: ComparedPod[]; indexOf: Map<string, number> } {
  const byUid = new Map(meshes.flatMap(({ pods }) => pods).map((pod) => [pod.uid, pod]));
  const pods = [...byUid.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const labels = podLabels(
    pods,
    meshes.some(({ settings }) => settings.displayNodeName),
  );
  return {
    pods: pods.map(({ uid, name }, i) => ({ uid, name: shownName(name), label: labels[i] ?? '' })),
    indexOf: new Map(pods.map(({ uid }, i) => [uid, i])),
  };
}

/** The links of one range's mesh by the indexes of all ranges' pods. Of two IP families of a pair the worse. O(n^2). */
export function rangeCells(mesh: Mesh, indexOf: ReadonlyMap<string, number>): RangeCells {
  const n = indexOf.size;
  const blank = () => new Float32Array(n * n).fill(Number.NaN);
  const cells: RangeCells = { p50Us: blank(), connectUs: blank(), failedShare: blank() };
  const place = mesh.pods.map(({ uid }) => indexOf.get(uid) ?? -1);
  for (const { pod, links, stats } of mesh.reports) {
    const from = place[pod] ?? -1;
    if (stats === null || from < 0) continue;
    for (let i = 0; i < links.length; i++) {
      const to = place[links.to[i] ?? -1] ?? -1;
      const samples = stats.samples[i] ?? 0;
      if (to < 0 || samples === 0 || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
      const pair = from * n + to;
      const share = (stats.failures[i] ?? 0) / samples;
      const us = unpack16(stats.p50Us[i] ?? 0);
      const seen = cells.failedShare[pair] ?? Number.NaN;
      if (seen > share || (seen === share && (cells.p50Us[pair] ?? 0) >= us)) continue;
      cells.failedShare[pair] = share;
      cells.p50Us[pair] = us < 0 ? Number.NaN : us;
      cells.connectUs[pair] = connectOf(links.connectUs[i]);
    }
  }
  return cells;
}

function connectOf(packed = 0): number {
  const us = unpack16(packed);
  return us < 0 ? Number.NaN : us;
}
