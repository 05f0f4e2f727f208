import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../server/protocol/pod.ts';
import { DEFAULT_ADDRESS, GROUPS, ORDERS, readAddress, writeAddress } from '../../../../web/model/address.ts';
import { foldPicture } from '../../../../web/model/levels.ts';
import { podsOfFilter } from '../../../../web/model/link-filter.ts';
import type { Picture } from '../../../../web/model/mesh-view.ts';
import { type ArrangeOptions, arrange, effectiveGroup, KeptOrder, nodeFilter } from '../../../../web/model/order.ts';
import { pictureOf } from '../pictures.ts';

const USUAL: ArrangeOptions = { order: 'name', group: 'none', filter: '' };
const arranged = (picture: Picture, change: Partial<ArrangeOptions> = {}) => {
  const options = { ...USUAL, ...change };
  return arrange(picture, { ...options, shown: podsOfFilter(picture, options.filter) });
};
const namesOf = (picture: Picture, pods: Int32Array) => Array.from(pods, (pod) => picture.pods[pod]!.pod.name);

describe('pods are ordered', () => {
  test('by name, with numbers as numbers', () => {
    const picture = pictureOf({ pods: 3, scenario: 'healthy' }, ({ pods }) => {
      for (const [i, name] of ['pod-10', 'pod-9', 'pod-1'].entries()) pods[i]!.name = name;
    });
    expect(namesOf(picture, arranged(picture).pods)).toEqual(['pod-1', 'pod-9', 'pod-10']);
  });

  test.each([
    ['worst-row', 'dead-pod', true],
    ['worst-column', 'cut-off', true],
    ['worst-row', 'cut-off', false],
  ] as const)('%s first: of %s the last pod (%s)', (order, scenario, isFirst) => {
    expect(arranged(pictureOf({ pods: 9, scenario }), { order }).pods[0] === 8).toBe(isFirst);
  });

  test('by node, then name; by zone, then node', () => {
    const picture = pictureOf({ pods: 4, scenario: 'healthy' }, ({ pods }) => {
      for (const [i, [name, node, zone]] of [
        ['d', 'worker-10', 'a'],
        ['c', 'worker-9', 'b'],
        ['b', 'worker-9', 'b'],
        ['a', 'worker-10', 'b'],
      ].entries()) {
        pods[i] = { ...pods[i]!, name: name!, node: node!, zone: zone! };
      }
    });
    expect(namesOf(picture, arranged(picture, { order: 'node' }).pods)).toEqual(['b', 'c', 'a', 'd']);
    expect(namesOf(picture, arranged(picture, { order: 'zone' }).pods)).toEqual(['d', 'b', 'c', 'a']);
  });

  test.each(['node', 'zone'] as const)(
    'folded by %s: pods and nodes of an unfolded one stand in its place',
    (level) => {
      const base = pictureOf({ pods: 120, scenario: 'healthy' });
      const kept = new KeptOrder();
      const places = (picture: Picture) =>
        Array.from(kept.arrange(picture, USUAL).pods, (pod) => picture.pods[pod]!.pod[level]).filter(
          (place, at, all) => place !== all[at - 1],
        );
      const folded = places(foldPicture(base, { level, unfolded: [] }));
      expect(folded.length).toBeGreaterThan(2);
      for (const name of folded) {
        const unfolded = foldPicture(base, { level, unfolded: [`${level}:${name}`] });
        expect(unfolded.n).toBeGreaterThan(folded.length);
        expect(places(unfolded)).toEqual(folded);
      }
    },
  );

  test('with those whose node is not known last', () => {
    const picture = pictureOf({ pods: 4, scenario: 'healthy' }, ({ pods }) => {
      for (const [i, node] of ['', 'b', 'a', 'b'].entries()) pods[i]!.node = node;
    });
    expect(arranged(picture, { group: 'node' }).groups).toEqual([
      { name: 'a', start: 0, length: 1 },
      { name: 'b', start: 1, length: 2 },
      { name: '', start: 3, length: 1 },
    ]);
  });
});

test('every arrangement shows each matching pod once, knows its position, and its groups cover all', () => {
  const picture = pictureOf({ pods: 40, scenario: 'mixed' });
  const options = fc.record({
    order: fc.constantFrom(...ORDERS),
    group: fc.constantFrom(...GROUPS),
    filter: fc.constantFrom('', 'worker-01', 'goldpinger', 'nothing-like-it', 'WORKER-02 gold'),
  });
  fc.assert(
    fc.property(options, (wanted) => {
      const { pods, positionOf, groups } = arranged(picture, wanted);
      expect(new Set(pods).size).toBe(pods.length);
      pods.forEach((pod, position) => {
        expect(positionOf[pod]).toBe(position);
      });
      expect(positionOf.filter((position) => position >= 0)).toHaveLength(pods.length);
      if (wanted.group !== 'none') expect(groups.reduce((sum, { length }) => sum + length, 0)).toBe(pods.length);
      for (const [i, group] of groups.entries()) {
        expect(group.start).toBe(i === 0 ? 0 : groups[i - 1]!.start + groups[i - 1]!.length);
      }
    }),
  );
});

test('the filter looks at names, nodes, namespaces and addresses, in any case, all words at once', () => {
  const picture = pictureOf({ pods: 12, scenario: 'healthy' });
  const { pod } = picture.pods[4]!;
  for (const filter of [pod.name.toUpperCase(), pod.podIPs[0]!, `${pod.node} ${pod.name}`]) {
    expect(arranged(picture, { filter }).pods).toContain(4);
  }
  expect(arranged(picture, { filter: `${pod.name} no-such-node` }).pods).toHaveLength(0);
});

test.each([
  ['slow-pod', 'is:slow', 1],
  ['dead-pod', 'is:failing', 1],
  ['dead-pod', 'is:healthy', 5],
  ['starved', 'is:starved', 1],
  ['missing-reports', 'is:silent', 2],
  ['lifecycles', 'is:passing', 4],
  ['lifecycles', 'is:not-ready', 1],
  ['healthy', 'is:anything-else', 0],
] as const)('of the pods of %s, the filter %s matches %i', (scenario, filter, count) => {
  const matching = podsOfFilter(pictureOf({ pods: 6, scenario }), filter);
  expect(matching?.filter((one) => one === 1)).toHaveLength(count);
});

describe('the filter of a node', () => {
  const picture = pictureOf({ pods: 12, scenario: 'healthy' }, ({ pods }) => {
    for (const [i, pod] of pods.entries()) Object.assign(pod, { node: `worker-${i + 1}`, zone: `zone-${i % 2}` });
    // A pod that has its node's name in its own.
    pods[11]!.name = 'goldpinger-worker-1';
  });
  const found = (filter: string) => [...arranged(picture, { filter }).pods];

  test('finds its pods alone, where its name as a mere word finds others too', () => {
    expect(nodeFilter('worker-1')).toBe('node:worker-1');
    expect(found('node:worker-1')).toEqual([0]);
    expect(found('Node:WORKER-1')).toEqual([0]);
    expect(found('worker-1').length).toBe(4);
    expect(found('node:worker')).toEqual([]);
    // Not finished, so it hides nothing yet.
    expect(found('node:').length).toBe(12);
  });

  test('is one word of many, and zones have one as well', () => {
    expect(found('zone:zone-1 node:worker-2')).toEqual([1]);
    expect(found('zone:zone-0 node:worker-2')).toEqual([]);
    expect(found('zone:zone-1').length).toBe(6);
  });

  test('is what an address can hold, however long the name; a name that cannot be is looked for as words', () => {
    const longest = nodeFilter('x'.repeat(253));
    expect(readAddress(writeAddress({ ...DEFAULT_ADDRESS, filter: longest })).filter).toBe(longest);
    const odd = pictureOf({ pods: 2, scenario: 'healthy' }, ({ pods }) => {
      pods[0]!.node = '<svg onload=alert(3)>';
    });
    const { pods } = arranged(odd, { filter: nodeFilter('<svg onload=alert(3)>') });
    expect([...pods]).toEqual([0]);
  });
});

describe('where names do not fit', () => {
  const nodes = pictureOf({ pods: 60, nodes: 6, scenario: 'healthy' });
  const daemons = pictureOf({ pods: 60, nodes: 60, zones: 3, scenario: 'healthy' });
  const alone = pictureOf({ pods: 60, nodes: 60, zones: 0, scenario: 'healthy' });
  test.each([
    ['nodes name the axes by themselves', nodes, 'name', 'none', false, 'node'],
    ['but zones where each node has one pod', daemons, 'name', 'none', false, 'zone'],
    ['and nothing where there is neither', alone, 'name', 'none', false, 'none'],
    ["the reader's choice stays", nodes, 'name', 'zone', false, 'zone'],
    ['an order by badness stays', nodes, 'worst-row', 'none', false, 'none'],
    ['names that fit stay', nodes, 'name', 'none', true, 'none'],
  ] as const)('%s', (_rule, picture, order, group, namesFit, effective) => {
    expect(effectiveGroup(picture, order, group, namesFit)).toBe(effective);
  });
});

describe('new data never moves a row', () => {
  const options: ArrangeOptions = { ...USUAL, order: 'worst-row' };
  const before = pictureOf({ pods: 9, scenario: 'dead-pod' });
  const after = pictureOf({ pods: 9, scenario: 'cut-off' });

  test('sorted by badness it stays as it was, says so, and sorts when asked, or with another choice', () => {
    const kept = new KeptOrder();
    const first = kept.arrange(before, options);
    expect(kept.isOutdated).toBe(false);
    expect(kept.arrange(after, options)).toBe(first);
    expect(kept.isOutdated).toBe(true);
    kept.resort();
    const second = kept.arrange(after, options);
    expect(second).not.toBe(first);
    expect(kept.isOutdated).toBe(false);
    expect(kept.arrange(after, USUAL)).not.toBe(second);
  });

  /** What is shown of pods with these names; `of`: changes of some of them. */
  const shown = (kept: KeptOrder, names: string[], of: Record<string, Partial<Pod>> = {}, wanted = USUAL) => {
    const picture = pictureOf({ pods: names.length, scenario: 'healthy' }, ({ pods }) => {
      for (const [i, name] of names.entries())
        pods[i] = { ...pods[i]!, name, uid: name, node: 'n', zone: 'z', ...of[name] };
    });
    return namesOf(picture, kept.arrange(picture, wanted).pods).join(' ');
  };

  test('a new pod comes last, in its group too, until somebody sorts again', () => {
    const kept = new KeptOrder();
    expect(shown(kept, ['b', 'c', 'd'])).toBe('b c d');
    expect(shown(kept, ['a', 'b', 'c', 'd'])).toBe('b c d a');
    expect(kept.isOutdated).toBe(true);
    kept.resort();
    expect(shown(kept, ['a', 'b', 'c', 'd'])).toBe('a b c d');
    expect(kept.isOutdated).toBe(false);
    const grouped = new KeptOrder();
    const byNode: ArrangeOptions = { ...USUAL, group: 'node' };
    const nodes = { a: { node: '1' }, b: { node: '1' }, c: { node: '2' } };
    expect(shown(grouped, ['b', 'c'], nodes, byNode)).toBe('b c');
    expect(shown(grouped, ['a', 'b', 'c'], nodes, byNode)).toBe('b a c');
  });

  test('a pod that the filter shows from now on comes last, and one that it hides keeps its place', () => {
    const kept = new KeptOrder();
    const rows = (shown: number[]) => {
      const options = { ...USUAL, filter: 'state:failed', shown: Uint8Array.from(shown) };
      return [...kept.arrange(before, options).pods].join('');
    };
    expect(rows([0, 0, 0, 0, 0, 0, 0, 0, 0])).toBe('');
    expect([rows([0, 1, 0, 1, 0, 0, 0, 0, 0]), kept.isOutdated]).toEqual(['13', false]);
    expect([rows([1, 1, 0, 0, 0, 0, 0, 0, 0]), kept.isOutdated]).toEqual(['130', true]);
    kept.resort();
    expect([rows([1, 1, 0, 0, 0, 0, 0, 0, 0]), kept.isOutdated]).toEqual(['01', false]);
  });

  test('a gone pod keeps its place as long as it is known; then its successor takes it, and no other row moves', () => {
    const kept = new KeptOrder();
    shown(kept, ['b', 'c', 'd']);
    const gone = { b: { lifecycle: 'gone' as const, replacedBy: 'x' } };
    expect(shown(kept, ['b', 'c', 'd', 'x'], gone)).toBe('b c d x');
    expect(shown(kept, ['c', 'd', 'x'])).toBe('x c d');
  });

  test('whatever comes and goes, each pod has one row, and those that stay keep their order', () => {
    const some = fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 2 });
    fc.assert(
      fc.property(fc.array(some, { minLength: 2, maxLength: 6 }), (rounds) => {
        const kept = new KeptOrder();
        let last: string[] = [];
        for (const names of rounds) {
          const rows = shown(kept, names).split(' ');
          expect([...rows].sort()).toEqual([...names].sort());
          const stayed = (list: string[]) => list.filter((name) => last.includes(name) && names.includes(name));
          expect(stayed(rows)).toEqual(stayed(last));
          last = rows;
        }
      }),
      { numRuns: 60 },
    );
  });
});
