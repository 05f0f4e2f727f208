import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldPicture } from '../../../../web/model/levels.ts';
import {
  findingFilter,
  HIDDEN,
  podsOfFilter,
  podsWithLinks,
  shownLinks,
  statesOf,
  withState,
} from '../../../../web/model/link-filter.ts';
import { LINK_STATES } from '../../../../web/model/links.ts';
import type { Picture, PodView } from '../../../../web/model/mesh-view.ts';
import { matchesWord } from '../../../../web/model/order.ts';
import { pictureOf } from '../pictures.ts';

/** The shown links as "from>to", by pod numbers. */
function shown(picture: Picture, filter: string): string[] {
  const { n, state } = shownLinks(picture, filter);
  return [...state].flatMap((code, pair) => (code === HIDDEN ? [] : [`${Math.floor(pair / n)}>${pair % n}`]));
}

describe('a filter of the heatmap', () => {
  const picture = pictureOf({ pods: 4, scenario: 'slow-pod' });

  test('shows the links of which source or destination matches', () => {
    expect(shown(picture, 'chaos')).toEqual(['0>3', '1>3', '2>3', '3>0', '3>1', '3>2', '3>3']);
    expect(shown(picture, 'from:chaos')).toEqual(['3>0', '3>1', '3>2', '3>3']);
    expect(shown(picture, 'to:pod:goldpinger-chaos state:slow')).toEqual(['0>3', '1>3', '2>3', '3>3']);
    expect(shown(picture, 'from:001 to:chaos')).toEqual(['0>3']);
    expect(shown(picture, 'FROM:Node:worker-02')).toEqual(['1>0', '1>1', '1>2', '1>3']);
    expect(shown(picture, 'nobody')).toEqual([]);
  });

  test('without words, or while one is being typed, shows the picture itself, and otherwise never changes it', () => {
    const before = picture.state.slice();
    for (const text of [' ', 'from:', 'to:pod: state:', 'is:', 'node:'])
      expect(shownLinks(picture, text)).toBe(picture);
    expect(shown(picture, 'from: to:chaos')).toEqual(['0>3', '1>3', '2>3', '3>3']);
    shownLinks(picture, 'state:failed');
    expect(picture.state).toEqual(before);
  });

  test('by state also finds unreliable links, whatever their state', () => {
    const starved = pictureOf({ pods: 4, scenario: 'starved' });
    const found = shown(starved, 'state:unreliable');
    expect(found).toHaveLength(starved.unreliableLinks);
    expect(found.length).toBeGreaterThan(0);
  });

  test('leaves pods that have one of its links', () => {
    const dead = pictureOf({ pods: 9, scenario: 'mixed' });
    const withLinks = podsWithLinks(shownLinks(dead, 'state:slow'));
    const slow = codes(dead, 'slow');
    expect([...withLinks]).toEqual(
      dead.pods.map(({ index }) => (slow.some((pair) => ends(dead, pair).includes(index)) ? 1 : 0)),
    );
  });

  test('finds a folded pod in its group', () => {
    const many = pictureOf({ pods: 120, scenario: 'healthy' });
    const folded = foldPicture(many, { level: 'node', unfolded: [] });
    const pod = many.pods[17]!;
    const node = folded.pods.findIndex(({ name }) => name === pod.pod.node);
    expect(new Set(shown(folded, `from:pod:${pod.name}`).map((link) => link.split('>')[0]))).toEqual(
      new Set([String(node)]),
    );
  });

  test('counts only what it shows', () => {
    const starved = pictureOf({ pods: 4, scenario: 'starved' });
    const { counts, into, outOf, unreliableLinks, lossyLinks } = shownLinks(starved, 'from:001');
    const sum = (numbers: Iterable<number>) => [...numbers].reduce((all, one) => all + one, 0);
    expect([sum(Object.values(counts)), sum(into), sum(outOf), lossyLinks]).toEqual([4, 4, 4, 0]);
    expect(unreliableLinks).toBe(sum(starved.unreliable.subarray(0, 4)));
    const lossy = pictureOf({ pods: 4, scenario: 'lossy' });
    expect(shownLinks(lossy, 'state:lossy').lossyLinks).toBe(lossy.lossyLinks);
  });

  test('names the pods of its words, and none by states', () => {
    const named = (filter: string) => podsOfFilter(picture, filter)?.join('');
    expect(['chaos', 'to:chaos state:slow', 'from:001 to:chaos', 'nobody'].map(named)).toEqual([
      '0001',
      '0001',
      '1001',
      '0000',
    ]);
    expect([named(''), named('state:failed')]).toEqual([undefined, undefined]);
  });

  test('never throws, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        expect(shownLinks(picture, text).state).toHaveLength(16);
      }),
    );
  });
});

function codes({ state }: Picture, name: (typeof LINK_STATES)[number]): number[] {
  return [...state.keys()].filter((pair) => LINK_STATES[state[pair]!] === name);
}

function ends({ n }: Picture, pair: number): number[] {
  return [Math.floor(pair / n), pair % n];
}

test('an entry of the legend is added to a filter and taken from it, and other words stay', () => {
  const one = withState('chaos', 'failed');
  expect(one).toBe('chaos state:failed');
  const two = withState(one, 'unreliable');
  expect(statesOf(two)).toEqual(['failed', 'unreliable']);
  expect(withState(withState(two, 'failed'), 'unreliable')).toBe('chaos');
});

describe('the filter of a finding', () => {
  test.each([
    ['slow-pod', 4, 'to:pod:goldpinger-chaos state:slow'],
    ['dead-pod', 4, 'to:pod:goldpinger-chaos state:failed'],
    ['cut-off', 4, 'from:pod:goldpinger-chaos state:failed'],
  ] as const)('%s of %i pods: %s', (scenario, pods, filter) => {
    const picture = pictureOf({ pods, scenario });
    expect(findingFilter(picture.mesh.findings[0]!, picture.mesh.pods)).toBe(filter);
  });

  test('of a comparison, which knows no zones, has the names of its pods', () => {
    const { findings, pods } = pictureOf({ pods: 4, scenario: 'dead-pod' }).mesh;
    const named = pods.map(({ name, namespace, node }) => ({ name, namespace, node }));
    expect(findingFilter(findings[0]!, named)).toBe('to:pod:goldpinger-chaos state:failed');
    const [zones] = pictureOf({ pods: 30, scenario: 'zone-cut' }).mesh.findings;
    expect(findingFilter(zones!, named)).toBe('state:failed');
  });

  test('names a pod with its namespace if another one has the same name, and matches only it', () => {
    const { findings, pods } = pictureOf({ pods: 4, scenario: 'dead-pod' }).mesh;
    const chaos = findings[0]!.pods[0]!;
    const twin = { ...pods[chaos]!, uid: 'twin', namespace: 'other' };
    const all = [...pods, twin];
    expect(findingFilter(findings[0]!, all)).toBe('to:pod:default/goldpinger-chaos state:failed');
    const matching = (word: string) => all.filter((pod) => matchesWord({ pod } as PodView, word));
    expect(matching('pod:other/goldpinger-chaos')).toEqual([twin]);
    expect(matching('pod:goldpinger-chaos')).toEqual([pods[chaos], twin]);
    expect(matching('other/gold')).toEqual([twin]);
  });

  test('by lost datagrams hides the other links', () => {
    const picture = pictureOf({ pods: 4, scenario: 'lossy' });
    expect(shown(picture, 'state:lossy')).toHaveLength(picture.lossyLinks);
  });

  test.each(['dead-node', 'mixed', 'missing-reports', 'starved'] as const)(
    'shows a link of each finding: %s',
    (scenario) => {
      const picture = pictureOf({ pods: 60, scenario });
      expect(picture.mesh.findings.length).toBeGreaterThan(0);
      for (const finding of picture.mesh.findings) {
        const filter = findingFilter(finding, picture.mesh.pods);
        expect([filter, shown(picture, filter).length > 0]).toEqual([filter, true]);
      }
    },
  );
});
