import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMergedReport, type Mesh } from '../../../server/protocol/mesh.ts';
import { BatchReader } from '../../../web/data/stream.ts';
import { meshOf } from '../../support/feed/scenarios.ts';

function headOf({ reports, ...head }: Mesh, reset: boolean): string {
  return JSON.stringify({ ...head, reset, reportCount: reports.length });
}

function send(
  reader: BatchReader,
  mesh: Mesh,
  reset: boolean,
  changed = mesh.reports.map((report) => report.pod),
): Mesh {
  reader.head(headOf(mesh, reset));
  for (const report of mesh.reports) if (changed.includes(report.pod)) reader.report(encodeMergedReport(report));
  return reader.end();
}

test('a batch that resets is the mesh that was sent', () => {
  const mesh = meshOf({ pods: 7, scenario: 'mixed', windowMs: 60_000 });
  expect(send(new BatchReader(), mesh, true)).toEqual(mesh);
});

test('whichever reports changed, the rest stays', () => {
  const before = meshOf({ pods: 8, scenario: 'healthy' });
  const after = meshOf({ pods: 8, scenario: 'slow-pod', tick: 1 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 7 })), (changed) => {
      const reader = new BatchReader();
      send(reader, before, true);
      const now = send(reader, after, false, changed);
      const want = after.reports.map((report, i) => (changed.includes(i) ? report : before.reports[i]));
      expect(now.reports).toEqual(want);
      expect(now.discovery).toEqual(after.discovery);
    }),
  );
});

test('pods that are as before need no telling, and stay the very same', () => {
  const mesh = meshOf({ pods: 4, scenario: 'healthy' });
  const reader = new BatchReader();
  const before = send(reader, mesh, true);
  reader.head(headOf({ ...mesh, pods: null as unknown as [] }, false));
  expect(reader.end().pods).toBe(before.pods);
  expect(() => new BatchReader().head(headOf({ ...mesh, pods: null as unknown as [] }, true))).toThrow();
});

test('a batch that breaks off changes nothing: the next one counts', () => {
  const mesh = meshOf({ pods: 3, scenario: 'healthy' });
  const reader = new BatchReader();
  reader.head(headOf(mesh, true));
  reader.report(encodeMergedReport(mesh.reports[0]!));
  expect(send(reader, mesh, true)).toEqual(mesh);
});

test('a pod that left loses its report without a word', () => {
  const reader = new BatchReader();
  send(reader, meshOf({ pods: 5, scenario: 'healthy' }), true);
  const after = meshOf({ pods: 5, scenario: 'lifecycles' });
  const now = send(reader, after, false, []);
  expect(now.reports.map((report) => report.pod)).toEqual(after.reports.map((report) => report.pod));
});

test.each([
  ['not JSON', (reader: BatchReader) => reader.head('<html>')],
  ['no object', (reader: BatchReader) => reader.head('7')],
  [
    'no count',
    (reader: BatchReader) =>
      reader.head(
        headOf(meshOf({ pods: 2, scenario: 'healthy' }), true).replace('"reportCount":2', '"reportCount":-1'),
      ),
  ],
  ['changes to nothing', (reader: BatchReader) => reader.head(headOf(meshOf({ pods: 2, scenario: 'healthy' }), false))],
  [
    'a report before the head',
    (reader: BatchReader) => reader.report(encodeMergedReport(meshOf({ pods: 2, scenario: 'healthy' }).reports[0]!)),
  ],
  ['an end before the head', (reader: BatchReader) => reader.end()],
  ['too few reports', (reader: BatchReader) => send(reader, meshOf({ pods: 3, scenario: 'healthy' }), true, [0, 1])],
  [
    'too many reports',
    (reader: BatchReader) => {
      const mesh = meshOf({ pods: 2, scenario: 'healthy' });
      reader.head(headOf(mesh, true));
      for (let i = 0; i < 3; i++) reader.report(encodeMergedReport(mesh.reports[0]!));
    },
  ],
])('%s is refused', (_, work) => {
  expect(() => work(new BatchReader())).toThrow();
});
