import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { emptyLinks, pack16 } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { PictureOptions } from '../../../web/model/cells.ts';
import { buildPicture, type Picture } from '../../../web/model/mesh-view.ts';
import type { MeshOptions } from '../../support/feed/plan.ts';
import { meshOf } from '../../support/feed/scenarios.ts';
import { findingsOf } from '../../support/mesh.ts';

/** The usual thresholds, and the newest totals. */
export const USUAL: PictureOptions = { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' };

/** The picture of a scenario and what the product finds in it. */
export function pictureOf(options: MeshOptions, change: (mesh: Mesh) => void = () => {}): Picture {
  const mesh = meshOf(options);
  change(mesh);
  return buildPicture({ ...mesh, findings: findingsOf(mesh) }, USUAL);
}

/** One link of a row made by hand. */
export interface Link {
  to: number;
  outcome?: number;
  totalUs?: number;
  connectUs?: number;
  flags?: number;
  sinceMs?: number;
  ageMs?: number;
}

export function reportOf(pod: number, links: Link[], change: Partial<MergedReport> = {}): MergedReport {
  const columns = emptyLinks(links.length);
  for (const [i, link] of links.entries()) {
    columns.to[i] = link.to;
    columns.outcome[i] = link.outcome ?? 0;
    columns.totalUs[i] = pack16(link.totalUs ?? 500);
    columns.connectUs[i] = pack16(link.connectUs ?? 0);
    columns.flags[i] = link.flags ?? 0;
    columns.sinceMs[i] = pack16(link.sinceMs ?? 1000);
    if (link.ageMs !== undefined) columns.ageMs[i] = pack16(link.ageMs);
  }
  const [first] = meshOf({ pods: 1, scenario: 'alone' }).reports;
  return { ...first!, pod, links: columns, details: [], stats: null, ...change };
}

/** A mesh of these reports; `change`: what of its pods is not as usual. */
export function meshWith(
  pods: number,
  reports: MergedReport[],
  change: (pod: Pod, i: number) => Partial<Pod> = () => ({}),
) {
  const { pods: usual, ...mesh } = meshOf({ pods, scenario: 'healthy' });
  const changed = { ...mesh, reports, pods: usual.map((pod, i) => ({ ...pod, ...change(pod, i) })) };
  return { ...changed, findings: findingsOf(changed) };
}

export const everyone = (n: number, link: Omit<Link, 'to'> = {}) =>
  Array.from({ length: n }, (_, to) => ({ to, ...link }));
