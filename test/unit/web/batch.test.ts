import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMeshRow, type Mesh } from '../../../server/protocol/mesh.ts';
import { BatchReader } from '../../../web/data/batch.ts';
import { meshOf } from '../../support/feed/scenarios.ts';

function headOf({ rows, ...head }: Mesh, reset: boolean): string {
  return JSON.stringify({ ...head, reset, rowCount: rows.length });
}

function send(reader: BatchReader, mesh: Mesh, reset: boolean, changed = mesh.rows.map((row) => row.pod)): Mesh {
  reader.head(headOf(mesh, reset));
  for (const row of mesh.rows) if (changed.includes(row.pod)) reader.row(encodeMeshRow(row));
  return reader.end();
}

test('a batch that resets is the matrix that was sent', () => {
  const mesh = meshOf({ pods: 7, scenario: 'mixed', windowMs: 60_000 });
  expect(send(new BatchReader(), mesh, true)).toEqual(mesh);
});

test('whichever rows changed, the rest stays', () => {
  const before = meshOf({ pods: 8, scenario: 'healthy' });
  const after = meshOf({ pods: 8, scenario: 'slow-row', tick: 1 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 7 })), (changed) => {
      const reader = new BatchReader();
      send(reader, before, true);
      const now = send(reader, after, false, changed);
      const want = after.rows.map((row, i) => (changed.includes(i) ? row : before.rows[i]));
      expect(now.rows).toEqual(want);
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
  reader.row(encodeMeshRow(mesh.rows[0]!));
  expect(send(reader, mesh, true)).toEqual(mesh);
});

test('a pod that left loses its row without a word', () => {
  const reader = new BatchReader();
  send(reader, meshOf({ pods: 5, scenario: 'healthy' }), true);
  const after = meshOf({ pods: 5, scenario: 'lifecycles' });
  const now = send(reader, after, false, []);
  expect(now.rows.map((row) => row.pod)).toEqual(after.rows.map((row) => row.pod));
});

test.each([
  ['not JSON', (reader: BatchReader) => reader.head('<html>')],
  ['no object', (reader: BatchReader) => reader.head('7')],
  [
    'no count',
    (reader: BatchReader) =>
      reader.head(headOf(meshOf({ pods: 2, scenario: 'healthy' }), true).replace('"rowCount":2', '"rowCount":-1')),
  ],
  ['changes to nothing', (reader: BatchReader) => reader.head(headOf(meshOf({ pods: 2, scenario: 'healthy' }), false))],
  [
    'a row before the head',
    (reader: BatchReader) => reader.row(encodeMeshRow(meshOf({ pods: 2, scenario: 'healthy' }).rows[0]!)),
  ],
  ['an end before the head', (reader: BatchReader) => reader.end()],
  ['too few rows', (reader: BatchReader) => send(reader, meshOf({ pods: 3, scenario: 'healthy' }), true, [0, 1])],
  [
    'too many rows',
    (reader: BatchReader) => {
      const mesh = meshOf({ pods: 2, scenario: 'healthy' });
      reader.head(headOf(mesh, true));
      for (let i = 0; i < 3; i++) reader.row(encodeMeshRow(mesh.rows[0]!));
    },
  ],
])('%s is refused', (_, work) => {
  expect(() => work(new BatchReader())).toThrow();
});
