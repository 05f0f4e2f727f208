import { describe, expect, it } from 'vitest';
import {
  CHANGES,
  type Comparison,
  emptyComparedColumns,
  encodeComparison,
  FLAG_AFFECTED,
  NOT_SEEN,
  parseComparison,
} from '../../../../server/protocol/comparison.ts';
import { FLAG_IPV6, NONE16, pack16 } from '../../../../server/protocol/links.ts';
import { LATE_ANSWER } from '../../../support/mesh.ts';
import { comparisonOf, reportOf, type Scene, slowPod, spoiled } from '../../../support/report-scene.ts';

/** The links of a comparison by `source destination`. */
function linksByName({ pods, links }: Comparison) {
  return new Map(
    links.flatMap(({ length, from, to, ...columns }) =>
      Array.from({ length }, (_, i) => [
        `${pods[from]?.name} ${pods[to[i] ?? 0]?.name}`,
        {
          change: CHANGES[columns.change[i] ?? 0],
          affected: ((columns.flags[i] ?? 0) & FLAG_AFFECTED) !== 0,
          before: [columns.beforeP50Us[i], columns.beforeFailed[i]],
          during: [columns.duringP50Us[i], columns.duringFailed[i]],
          after: [columns.afterP50Us[i], columns.afterFailed[i]],
        },
      ]),
    ),
  );
}

const REFUSED = { outcome: 'refused', phase: 'connect', fresh: true } as const;
const SCENES: [name: string, scene: Scene][] = [
  [
    'failures and slow links',
    {
      during: spoiled(6, (builder) => {
        builder.each((from) => from === 5, LATE_ANSWER);
        builder.set(1, 2, { outcome: 'timeout', phase: 'connect' });
        builder.set(3, 4, REFUSED);
      }),
      before: spoiled(6, (builder) => builder.set(3, 4, REFUSED)),
    },
  ],
  ['a pod that started during the fault', { before: spoiled(3), during: slowPod(4), after: spoiled(4) }],
];

describe('a comparison', () => {
  it.each(SCENES)('has the report, and links that add up to its figures: %s', async (_name, scene) => {
    const comparison = await comparisonOf(scene);
    expect(comparison.report).toEqual((await reportOf(scene)).data);
    const { affected, figures, changed, targets } = comparison.report;
    const links = linksByName(comparison);
    const all = [...links.values()];
    expect(all.filter((link) => link.affected)).toHaveLength(affected.links);
    expect(all.filter(({ during }) => during[1] !== NOT_SEEN)).toHaveLength(affected.of);
    for (const range of ['before', 'during', 'after'] as const) {
      const percents = all.map((link) => link[range][1] ?? 0);
      expect(percents.filter((percent) => percent > 0 && percent !== NOT_SEEN)).toHaveLength(
        figures.all[range]?.failed ?? 0,
      );
    }
    for (const { from, to, change, affected: isAffected, before, during } of changed) {
      expect(links.get(`${from} ${to}`)).toMatchObject({
        change,
        affected: isAffected,
        before: [before === null ? NONE16 : pack16(before.p50Us), expect.any(Number)],
        during: [pack16(during?.p50Us ?? -1), expect.any(Number)],
      });
    }
    expect(comparison.pods.filter(({ isTarget }) => isTarget).map(({ name }) => name)).toEqual(targets.names);
  });

  it('names the pods of its findings by index in its own list', async () => {
    const { findings, pods } = await comparisonOf({ before: spoiled(5), during: slowPod(4) });
    expect(findings[0]?.pods.map((pod) => pods[pod]?.name)).toEqual(['pod-3']);
    expect(findings[0]?.from.map((pod) => pods[pod]?.name)).toEqual(['pod-0', 'pod-1', 'pod-2']);
    expect(pods).toHaveLength(5);
  });
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

  it.each([
    ['of 253 characters', ''],
    ['of 253 characters, which several pods of long namespaces have', 'n'.repeat(61)],
  ])('is valid with names of pods %s', async (_, namespace) => {
    const named = () =>
      spoiled(8, ({ pods }) => {
        for (const [i, pod] of pods.entries()) {
          const own =
            namespace === ''
              ? { name: `${'x'.repeat(252)}${i}` }
              : { name: 'x'.repeat(253), namespace: namespace + (10 + i) };
          pods[i] = { ...pod, ...own };
        }
      });
    const during = named();
    during.each((from, to) => to === 7 || (from < 3 && to < 3), LATE_ANSWER, true);
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
