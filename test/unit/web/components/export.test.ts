import { expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../../server/protocol/link-state.ts';
import { csvPicture, takenText } from '../../../../web/components/export.ts';
import { foldPicture } from '../../../../web/model/levels.ts';
import { buildPicture } from '../../../../web/model/mesh-view.ts';
import { pictureOf } from '../pictures.ts';

test.each(['live', 'past'] as const)(
  'of a figure the %s CSV has the latency, whatever phase is in the address',
  async (of) => {
    const { mesh } = pictureOf({ pods: 4, scenario: 'slow-pod', windowMs: 60_000 });
    const moment =
      of === 'past' ? { ...mesh, past: { fromMs: mesh.atMs - 60_000, toMs: mesh.atMs, resolutionMs: 5000 } } : mesh;
    const options = { thresholds: DEFAULT_THRESHOLDS, value: 'failed', phase: 'connect', windowMs: 60_000 } as const;
    const shown = buildPicture(moment, options);
    const picture = await csvPicture({ ...options, picture: shown, loadMesh: async () => mesh });
    const plain = buildPicture(mesh, { ...options, value: 'last', phase: 'total' });
    expect(shown.valueUs).not.toEqual(plain.valueUs);
    expect(picture.valueUs).toEqual(plain.valueUs);
  },
);

test('the CSV has what is loaded if no statistics can be fetched, and of a folded picture the links of pods', async () => {
  const shown = pictureOf({ pods: 24, scenario: 'slow-pod' });
  const options = { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total', windowMs: 60_000 } as const;
  const picture = await csvPicture({
    ...options,
    picture: foldPicture(shown, { level: 'node', unfolded: [] }),
    loadMesh: () => Promise.reject(new Error('no server')),
  });
  expect([picture.n, picture.counts]).toEqual([24, shown.counts]);
});

test('an exported picture says when it was taken, with the zone of that time', () => {
  expect(takenText(Date.parse('2024-05-14T10:25:57Z'))).toMatch(
    /^Taken 2024-05-1[45] \d\d:\d\d:57 UTC([+−]\d\d?(:\d\d)?)?$/,
  );
});
