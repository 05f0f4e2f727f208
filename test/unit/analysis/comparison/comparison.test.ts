import { describe, expect, it } from 'vitest';
import {
  emptyComparedColumns,
  encodeComparison,
  failedPercent,
  parseComparison,
} from '../../../../server/protocol/comparison.ts';
import { FLAG_IPV6, pack16 } from '../../../../server/protocol/links.ts';
import { LATE_ANSWER, MeshBuilder } from '../../../support/mesh.ts';
import { comparisonOf, slowPod } from '../../../support/report-scene.ts';

describe('a comparison', () => {
  it('names the pods of its findings by index in its own list', async () => {
    const { findings, pods } = await comparisonOf({ before: new MeshBuilder(5), during: slowPod(4) });
    expect(findings[0]?.pods.map((pod) => pods[pod]?.name)).toEqual(['pod-3']);
    expect(findings[0]?.from.map((pod) => pods[pod]?.name)).toEqual(['pod-0', 'pod-1', 'pod-2']);
    expect(pods).toHaveLength(5);
  });
});

it('the failed share in per cent is neither 0 nor 100 unless none or all failed', () => {
  const percents = [0, 1, 999, 1000].map((failures) => failedPercent({ samples: 1000, failures }));
  expect(percents).toEqual([0, 1, 99, 100]);
});

describe('the JSON of a comparison', () => {
  it('keeps both IP families of a link apart', async () => {
    const comparison = await comparisonOf();
    const columns = emptyComparedColumns(1, 2);
    columns.to.set([0, 0]);
    columns.flags.set([0, FLAG_IPV6]);
    columns.beforeP50Us.set([pack16(500), pack16(700)]);
    const links = [columns];
    const wire: unknown = JSON.parse([...encodeComparison({ ...comparison, links })].join(''));
    expect(parseComparison(wire)).toEqual({ ...comparison, links });
  });

  it('is valid with names of pods of 253 characters, which several pods of long namespaces have', async () => {
    const named = () => {
      const mesh = new MeshBuilder(8);
      for (const i of mesh.pods.keys()) mesh.pod(i, { name: 'x'.repeat(253), namespace: 'n'.repeat(61) + (10 + i) });
      return mesh;
    };
    const during = named().each((from, to) => to === 7 || (from < 3 && to < 3), LATE_ANSWER, true);
    const { report } = await comparisonOf({ before: named(), during, after: named() });
    expect([report.targets.count, report.collateral.count]).toEqual([1, 9]);
  });

  it.each([
    [{ from: 4 }, 'names pod 4 of 4'],
    [{ to: 1 }, 'names pod 4 of 4'],
    [{ length: 9 }, '9 compared links to 4 pods'],
    [{ length: -1 }, 'Expected >=0'],
    [{ change: 'x' }, 'base64'],
    [{ duringP50Us: undefined }, 'column duringP50Us'],
  ])('is refused with columns like %j', async (columns, message) => {
    const wire = JSON.parse([...encodeComparison(await comparisonOf())].join('')) as { links: object[] };
    Object.assign(wire.links[0] ?? {}, columns);
    expect(() => parseComparison(wire)).toThrow(message);
  });
});
