import type { LinkColumns, StatColumns } from '../contract/links.ts';
import type { Mesh, MeshRow } from '../contract/mesh.ts';
import type { Pod } from '../contract/pod.ts';

/** Columns whose change a reader would see; ages are left out because they change with every collection. */
const SEEN: (keyof LinkColumns)[] = ['to', 'flags', 'outcome', 'connectUs', 'firstByteUs', 'totalUs'];

/** Statistics that the stream leaves out: no page shows them, and a thousand rows have 6 MB of them. */
export const UNSENT: ReadonlySet<keyof StatColumns> = new Set(['minUs', 'connectP50Us', 'firstByteP50Us']);

/** Whether a reader of `before` would see the same in `after`, apart from ages, which it counts on by itself. */
export function sameRow(before: MeshRow, after: MeshRow): boolean {
  return (
    before.pod === after.pod &&
    before.missing === after.missing &&
    before.bootTimeMs === after.bootTimeMs &&
    before.samePeers === after.samePeers &&
    before.starvation?.unreliable === after.starvation?.unreliable &&
    before.links.length === after.links.length &&
    SEEN.every((column) => sameColumn(before.links[column], after.links[column])) &&
    sameStats(before.stats, after.stats) &&
    sameProbes(before, after)
  );
}

/** Whether both matrices are about the same pods in the same order, so that rows may be replaced one by one. */
export function samePods(before: Mesh, after: Mesh): boolean {
  return (
    before.pods.length === after.pods.length &&
    before.rows.length === after.rows.length &&
    before.pods.every((pod, i) => pod.uid === after.pods[i]?.uid)
  );
}

/** Whether nothing that is told of any pod has changed. */
export function equalPods(before: readonly Pod[], after: readonly Pod[]): boolean {
  if (before === after) return true;
  return before.length === after.length && before.every((pod, i) => equalPod(pod, after[i]));
}

function equalPod(before: Pod, after: Pod | undefined): boolean {
  if (before === after || after === undefined) return before === after;
  return (Object.keys(before) as (keyof Pod)[]).every((key) => {
    const [old, now] = [before[key], after[key]];
    if (!Array.isArray(old) || !Array.isArray(now)) return old === now;
    return old.length === now.length && old.every((ip, i) => ip === now[i]);
  });
}

function sameColumn(before: LinkColumns[keyof LinkColumns], after: LinkColumns[keyof LinkColumns]): boolean {
  if (typeof before === 'number' || typeof after === 'number') return before === after;
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) return false;
  return true;
}

function sameStats(before: StatColumns | null, after: StatColumns | null): boolean {
  if (before === null || after === null) return before === after;
  const columns = Object.keys(before) as (keyof StatColumns)[];
  return columns.every((column) => UNSENT.has(column) || sameColumn(before[column], after[column]));
}

function sameProbes(before: MeshRow, after: MeshRow): boolean {
  return (
    before.probes.length === after.probes.length &&
    before.probes.every((probe, i) => {
      const other = after.probes[i];
      return probe.target === other?.target && probe.atMs === other.atMs && probe.error === other.error;
    })
  );
}
