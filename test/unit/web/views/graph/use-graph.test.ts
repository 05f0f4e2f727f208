import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import type { ViewProps } from '../../../../../web/components/view-props.ts';
import { foldPicture } from '../../../../../web/model/levels.ts';
import { findingFilter } from '../../../../../web/model/link-filter.ts';
import type { Picture } from '../../../../../web/model/mesh-view.ts';
import { linksHeading } from '../../../../../web/views/graph/choice-panel.tsx';
import { GraphLegend } from '../../../../../web/views/graph/graph-legend.tsx';
import { type Graph, graphLinksOf, useGraph } from '../../../../../web/views/graph/use-graph.ts';
import { pictureOf } from '../../pictures.ts';

/** Gives the graph of a picture with its places to `onGraph`. */
function Placed({ picture, onGraph }: { picture: Picture; onGraph: (graph: Graph) => void }) {
  const given = { selection: null, filter: '', narrow: false, only: 'all', limit: 200, asTable: false } as const;
  const props = { ...given, group: 'none', order: 'name', picture } as unknown as ViewProps;
  onGraph(useGraph(props, graphLinksOf(props, -1), { width: 1200, height: 700 }, new Map()));
  return null;
}

function placedGraph(picture: Picture): Graph {
  const graphs: Graph[] = [];
  renderToStaticMarkup(createElement(Placed, { picture, onGraph: (graph) => graphs.push(graph) }));
  return graphs[0]!;
}

/** The links of the graph as "from>to", by pod numbers, with the heading and the legend beside them. */
function graphOf(picture: Picture, choice: Partial<Pick<ViewProps, 'filter' | 'only' | 'limit' | 'asTable'>>) {
  const given = { selection: null, filter: '', narrow: false, only: 'all', limit: 200, asTable: false } as const;
  const props = { ...given, picture, thresholds: { warningMs: 5, problemMs: 100 }, ...choice };
  const links = graphLinksOf(props, -1);
  const legend = renderToStaticMarkup(createElement(GraphLegend, { props: props as unknown as ViewProps, links }));
  return {
    ...links,
    drawn: links.pairs.map((pair) => `${Math.floor(pair / picture.n)}>${pair % picture.n}`).sort(),
    heading: linksHeading(props, links),
    legend: legend.replace(/<svg.*?<\/svg>/g, '').replace(/<[^>]+>/g, ' '),
  };
}

describe('the filter of a graph', () => {
  const dead = pictureOf({ pods: 4, scenario: 'dead-pod' });

  test('of a finding draws its links and no others; heading and legend count them', () => {
    const filter = findingFilter(dead.mesh.findings[0]!, dead.mesh.pods);
    expect(filter).toBe('to:pod:goldpinger-chaos state:failed');
    const { drawn, heading, legend, matching } = graphOf(dead, { filter });
    expect(drawn).toEqual(['0>3', '1>3', '2>3']);
    expect([...matching!]).toEqual([0, 0, 0, 1]);
    expect(heading).toBe('All 3 matching links');
    expect(legend).toMatch(/good &lt; 5 ms {2}0 .* failed {2}3 /);
    expect(legend).not.toContain('unknown');
  });

  test('tells the two directions of a link apart', () => {
    const [a, b] = [dead.pods[0]!.name, dead.pods[1]!.name];
    expect(graphOf(dead, { filter: `from:pod:${a} to:pod:${b}` }).drawn).toEqual(['0>1']);
    const one = graphOf(dead, { filter: `from:pod:${a} to:pod:${b} state:failed` });
    expect([one.drawn, one.heading]).toEqual([[], 'No matching links']);
    expect([...one.matching!]).toEqual([1, 1, 0, 0]);
  });

  test('keeps from the bundles what it hides, and draws links one by one that it asks for by their state', () => {
    const picture = pictureOf({ pods: 40, scenario: 'healthy', pingNumber: 5 });
    const { name } = picture.pods[7]!;
    const from = graphOf(picture, { filter: `from:pod:${name}` });
    expect(from.bundles.pairs).toHaveLength(from.counts.measured);
    expect([from.drawn, from.heading]).toEqual([[], `All ${from.counts.measured} matching links`]);
    const unprobed = graphOf(picture, { filter: `from:pod:${name} state:not-probed` });
    expect(unprobed.bundles.pairs).toEqual([]);
    expect(unprobed.drawn).toHaveLength(39 - from.counts.measured);
    expect(unprobed.heading).toBe(`All ${39 - from.counts.measured} matching links`);
  });

  test.each(['dead-node', 'mixed', 'cut-off'] as const)(
    'of each finding finds links in a folded graph: %s',
    (scenario) => {
      const pods = pictureOf({ pods: 120, scenario });
      const picture = foldPicture(pods, { level: 'node', unfolded: [] });
      for (const finding of pods.mesh.findings.filter(({ severity }) => severity === 'failed')) {
        const { drawn, counts } = graphOf(picture, { filter: findingFilter(finding, pods.mesh.pods) });
        expect(drawn.length).toBeGreaterThan(0);
        expect(counts.byState.failed).toBeGreaterThan(0);
      }
    },
  );

  test('looks into the groups of a folded graph', () => {
    const pods = pictureOf({ pods: 120, scenario: 'healthy' });
    const picture = foldPicture(pods, { level: 'node', unfolded: [] });
    const { pod, name } = pods.pods[17]!;
    const { matching, heading, counts } = graphOf(picture, { filter: `pod:${name}` });
    expect([...matching!].map((one, i) => (one === 1 ? picture.pods[i]!.name : '')).join('')).toBe(pod.node);
    // Links to and from all, and its own.
    expect([counts.measured, heading]).toEqual([239, 'All 239 matching links, by node']);
    const left = pictureOf({ pods: 120, scenario: 'lifecycles' });
    const folded = foldPicture(left, { level: 'node', unfolded: [] });
    const gone = graphOf(folded, { filter: 'is:gone' }).matching!;
    expect(gone.some((one) => one === 1) && gone.some((one) => one === 0)).toBe(true);
  });
});

describe('the heading', () => {
  test('counts the links of the state that is chosen in the legend', () => {
    const slow = pictureOf({ pods: 4, scenario: 'slow-pod' });
    const headings = (['all', 'slow', 'good', 'failed'] as const).map((only) => graphOf(slow, { only }).heading);
    expect(headings).toEqual(['All 16 links', 'All 4 slow links', 'All 12 good links', 'No failed links']);
  });

  test('says how many of the links that are asked for are drawn', () => {
    const picture = pictureOf({ pods: 60, scenario: 'dead-node' });
    const { failed, good, fair } = graphOf(picture, {}).counts.byState;
    const heading = (only: ViewProps['only']) => graphOf(picture, { limit: 20, only }).heading;
    expect(heading('all')).toBe(`Showing 20 of ${failed} bad links`);
    expect(heading('failed')).toBe(`Showing 20 of ${failed} failed links`);
    expect(heading('good')).toBe(`Showing 20 of ${(good + fair).toLocaleString('en')} good links`);
    expect(graphOf(picture, { asTable: true }).heading).toBe('Showing 200 of 3,540 links');
  });
});

test('the legend counts all links that the filter shows, also those that are not drawn for want of room', () => {
  const picture = pictureOf({ pods: 60, scenario: 'slow-pod' });
  const { slow } = graphOf(picture, {}).counts.byState;
  expect(slow).toBe(59);
  expect(graphOf(picture, {}).legend).toMatch(/slow ≥ 100 ms {2}59 /);
  const cut = graphOf(picture, { limit: 20 });
  expect(cut.legend).toMatch(/slow ≥ 100 ms, drawn ≥ \d+ ms {2}59 /);
  const starved = pictureOf({ pods: 4, scenario: 'starved' });
  expect(graphOf(starved, {}).legend).toContain(`unreliable  ${starved.unreliableLinks} `);
  expect(graphOf(starved, { filter: 'from:pod:nobody' }).legend).not.toContain('unreliable');
  const sparse = pictureOf({ pods: 40, scenario: 'healthy', pingNumber: 5 });
  const numbers = [...graphOf(sparse, {}).legend.matchAll(/ {2}([\d,]+) /g)].map(([, count]) =>
    count?.replace(',', ''),
  );
  // Self-links are not drawn of so many pods.
  expect(numbers.reduce((sum, count) => sum + Number(count), 0)).toBe(40 * 39);
});

test.each([
  ['in the order of their names', ['a', 'b', 'c']],
  ['against the order of their names', ['c', 'b', 'a']],
])('a pod names the pod that it replaced itself, also if that had replaced another one: %s', (_, chain) => {
  const picture = pictureOf({ pods: 4, scenario: 'healthy' }, ({ pods }) => {
    const names = [...chain].sort();
    for (const [i, pod] of pods.slice(0, 3).entries()) {
      const at = chain.indexOf(names[i]!);
      Object.assign(pod, { uid: `uid-${names[i]}`, name: names[i], replacedBy: '' });
      if (at < 2) Object.assign(pod, { lifecycle: 'gone', sinceMs: at * 1000, replacedBy: `uid-${chain[at + 1]}` });
    }
  });
  const named = [...placedGraph(picture).predecessors].map(([pod, gone]) => [picture.pods[pod]!.name, gone.name]);
  expect(named).toEqual([[chain[2], chain[1]]]);
});

test('of marked pods neighbours on the ring do not overlap, nor do the last and the first one', () => {
  // Pods of one node each: no gap between groups is between two of them.
  const picture = pictureOf({ pods: 160, scenario: 'healthy' }, ({ pods }) => {
    for (const [i, pod] of pods.entries()) Object.assign(pod, { node: `node-${i}`, zone: '' });
  });
  const { order } = placedGraph(picture).ring;
  const marked = [0, 1, 80, 81, 159].map((at) => picture.pods[order[at]!]!);
  for (const view of marked) view.health = 'failing';
  const { spots, radii, tier } = placedGraph(picture);
  const roomOf = (a: number, b: number) => {
    const [one, other] = [order[a]!, order[b]!];
    return Math.hypot(spots[one]!.x - spots[other]!.x, spots[one]!.y - spots[other]!.y) - radii(one) - radii(other);
  };
  expect(radii(order[81]!)).toBeLessThan(tier.unhealthyDisc);
  expect(roomOf(80, 81)).toBeGreaterThan(0);
  expect(roomOf(159, 0)).toBeGreaterThan(0);
});
