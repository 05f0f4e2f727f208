import { expect, test } from 'vitest';
import type { Mesh, MeshRow } from '../../../server/contract/mesh.ts';
import { Packer, Unpacker } from '../../../web/data/parcel.ts';
import { DEFAULT_THRESHOLDS } from '../../../web/pure/link-state.ts';
import { buildPicture, pictureOf } from '../../../web/pure/picture.ts';
import { CellsMaker } from '../../../web/pure/picture-cells.ts';
import { meshOf } from '../../feed/scenarios.ts';

const OPTIONS = { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' } as const;

/** What comes out at the other end of a worker's message. */
function across(packer: Packer, unpacker: Unpacker, mesh: Mesh): Mesh {
  const { parcel, transfer } = packer.pack(mesh, []);
  return unpacker.unpack(structuredClone(parcel, { transfer }));
}

/** A row with its columns looked at. */
const plain = (row: MeshRow) => ({ ...row, links: row.links, stats: row.stats });

test('a matrix arrives as it was sent, and the sender keeps its own', () => {
  const mesh = meshOf({ pods: 7, scenario: 'mixed', windowMs: 60_000 });
  const want = structuredClone(mesh);
  const got = across(new Packer(), new Unpacker(), mesh);
  expect({ ...got, rows: got.rows.map(plain) }).toEqual(want);
  expect(mesh).toEqual(want);
});

test('of the next one only what changed crosses; the rest is the very same', () => {
  const [packer, unpacker] = [new Packer(), new Unpacker()];
  const mesh = meshOf({ pods: 5, scenario: 'healthy' });
  const first = across(packer, unpacker, mesh);
  const changed = meshOf({ pods: 5, scenario: 'healthy', tick: 1 }).rows[2]!;
  const next = { ...mesh, rows: mesh.rows.map((row, i) => (i === 2 ? changed : row)) };
  const { parcel, transfer } = packer.pack(next, []);
  expect(parcel.pods).toBeNull();
  expect(parcel.rows.map((row) => (typeof row === 'number' ? row : 'new'))).toEqual([0, 1, 'new', 3, 4]);
  const second = unpacker.unpack(structuredClone(parcel, { transfer }));
  expect(second.pods).toBe(first.pods);
  expect(second.rows[1]).toBe(first.rows[1]);
  expect(plain(second.rows[2]!)).toEqual(plain(changed));
});

test('a parcel that needs one that never came is refused', () => {
  const packer = new Packer();
  const mesh = meshOf({ pods: 3, scenario: 'healthy' });
  packer.pack(mesh, []);
  expect(() => new Unpacker().unpack(packer.pack({ ...mesh }, []).parcel)).toThrow('a parcel is missing');
});

test('cells that were worked out row by row make the same picture, whatever was there before', () => {
  const maker = new CellsMaker(OPTIONS);
  for (const scenario of ['healthy', 'mixed', 'outcomes', 'lifecycles', 'starved', 'dead-pod'] as const) {
    const mesh = meshOf({ pods: 13, scenario });
    maker.begin(mesh.pods.map(({ lifecycle }) => lifecycle));
    const byPod = new Map(mesh.rows.map((row) => [row.pod, row]));
    for (let pod = 0; pod < mesh.pods.length; pod++) maker.put(pod, byPod.get(pod));
    expect(pictureOf(mesh, maker.take())).toEqual(buildPicture(mesh, OPTIONS));
  }
});
