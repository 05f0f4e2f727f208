import { expect, test } from 'vitest';
import type { MergedReport, Mesh } from '../../../../server/protocol/mesh.ts';
import { emptyUdp } from '../../../../server/protocol/udp.ts';
import { Packer, Unpacker } from '../../../../web/data/transfer.ts';
import { CellsBuilder } from '../../../../web/model/cells.ts';
import { buildPicture, pictureOf } from '../../../../web/model/mesh-view.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { USUAL } from '../pictures.ts';

/** What comes out at the other end of a worker's message. */
function across(packer: Packer, unpacker: Unpacker, mesh: Mesh): Mesh {
  const { update, transfer } = packer.pack(mesh, []);
  return unpacker.unpack(structuredClone(update, { transfer }));
}

/** A report with its columns looked at. */
const plain = (report: MergedReport) => ({ ...report, links: report.links, stats: report.stats, udp: report.udp });

test('a mesh arrives as it was sent, and the sender keeps its own', () => {
  const mesh = meshOf({ pods: 7, scenario: 'mixed', windowMs: 60_000 });
  const want = structuredClone(mesh);
  const got = across(new Packer(), new Unpacker(), mesh);
  expect({ ...got, reports: got.reports.map(plain) }).toEqual(want);
  expect(mesh).toEqual(want);
});

test('results of the UDP probe cross with it, with statistics or without, also for an odd number of links', () => {
  const [packer, unpacker] = [new Packer(), new Unpacker()];
  for (const windowMs of [0, 60_000]) {
    const mesh = meshOf({ pods: 5, scenario: 'healthy', windowMs });
    for (const [i, report] of mesh.reports.entries()) {
      if (i !== 1) report.udp = emptyUdp(report.links.length);
      report.udp?.sent.fill(10 + i);
      report.udp?.hops.fill(i);
    }
    const want = structuredClone(mesh.reports);
    expect(across(packer, unpacker, mesh).reports.map(plain)).toEqual(want);
    // The page keeps unchanged reports in memory of their own.
    expect(across(packer, unpacker, { ...mesh }).reports.map(plain)).toEqual(want);
  }
});

test('of the next one only what changed crosses; the rest is the very same', () => {
  const [packer, unpacker] = [new Packer(), new Unpacker()];
  const mesh = meshOf({ pods: 5, scenario: 'healthy' });
  const first = across(packer, unpacker, mesh);
  const changed = meshOf({ pods: 5, scenario: 'healthy', tick: 1 }).reports[2]!;
  const next = { ...mesh, reports: mesh.reports.map((report, i) => (i === 2 ? changed : report)) };
  const { update, transfer } = packer.pack(next, []);
  expect(update.pods).toBeNull();
  expect([...update.reports]).toEqual([0, 1, ~2, 3, 4]);
  expect(update.last.reports.map(({ pod }) => pod)).toEqual([2]);
  const second = unpacker.unpack(structuredClone(update, { transfer }));
  expect(second.pods).toBe(first.pods);
  expect(second.reports[1]).toBe(first.reports[1]);
  expect(plain(second.reports[2]!)).toEqual(plain(changed));
});

test('reports that came before their mesh are not sent again, and those of one that broke off are replaced', () => {
  const [packer, unpacker] = [new Packer(), new Unpacker()];
  const add = (mesh: Mesh, count: number) => {
    for (const report of mesh.reports.slice(0, count)) {
      const reports = packer.add(report);
      if (reports !== null) unpacker.add(structuredClone(reports, { transfer: [reports.bytes] }));
    }
  };
  add(meshOf({ pods: 120, scenario: 'healthy' }), 70);
  const mesh = meshOf({ pods: 120, scenario: 'mixed', windowMs: 60_000, tick: 1 });
  add(mesh, 120);
  const { update, transfer } = packer.pack(mesh, []);
  expect(update.last.reports.length).toBeLessThan(50);
  const got = unpacker.unpack(structuredClone(update, { transfer }));
  expect(got.reports.map(plain)).toEqual(mesh.reports);
  // The next has but one new report: the others are the same, on their own.
  const changed = meshOf({ pods: 120, scenario: 'mixed', windowMs: 60_000, tick: 2 }).reports[5]!;
  const next = { ...mesh, reports: mesh.reports.map((report, i) => (i === 5 ? changed : report)) };
  expect(across(packer, unpacker, next).reports.map(plain)).toEqual(next.reports);
});

test('an update that needs one that never came is refused', () => {
  const packer = new Packer();
  const mesh = meshOf({ pods: 3, scenario: 'healthy' });
  packer.pack(mesh, []);
  expect(() => new Unpacker().unpack(packer.pack({ ...mesh }, []).update)).toThrow('a mesh update is missing');
});

test('cells that were worked out report by report make the same picture, whatever was there before', () => {
  const maker = new CellsBuilder(USUAL);
  for (const scenario of ['healthy', 'mixed', 'outcomes', 'lifecycles', 'starved', 'dead-pod'] as const) {
    const mesh = meshOf({ pods: 13, scenario });
    for (const report of mesh.reports.slice(2)) maker.put(mesh.pods, report.pod, report);
    expect(pictureOf(mesh, maker.take(mesh))).toEqual(buildPicture(mesh, USUAL));
  }
});
