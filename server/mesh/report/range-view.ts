import type { Finding } from '../../contract/finding.ts';
import type { Mesh } from '../../contract/mesh.ts';
import type { ReportRange } from '../../contract/report.ts';
import { namesOf } from './names.ts';
import type { PodTable } from './pod-table.ts';
import { type RangeLinks, rangeLinksOf } from './range-links.ts';

/** What a report keeps of the matrix of one range. */
export interface RangeView {
  range: ReportRange;
  links: RangeLinks;
  findings: readonly Finding[];
  /** Numbers of the pods that the findings name, by index in the matrix. */
  numbers: Int32Array;
}

/** Reads a matrix of the past; it may be let go of afterwards. Yields after each row. */
export function* rangeViewOf(mesh: Mesh, table: PodTable): Generator<void, RangeView> {
  const numbers = table.take(mesh.pods);
  const links = yield* rangeLinksOf(mesh, numbers);
  const missing = mesh.rows.filter((row) => row.missing !== '').map(({ pod }) => mesh.pods[pod]?.name ?? '');
  const { fromMs, toMs, resolutionMs } = mesh.past ?? { fromMs: mesh.atMs, toMs: mesh.atMs, resolutionMs: 0 };
  const range = { fromMs, toMs, resolutionMs, pods: mesh.rows.length, missing: namesOf(missing) };
  return { range, links, findings: mesh.findings, numbers };
}
