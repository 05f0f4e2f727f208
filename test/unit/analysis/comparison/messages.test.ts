import { describe, expect, it } from 'vitest';
import type { LostPodFacts } from '../../../../server/protocol/comparison.ts';
import { pack16 } from '../../../../server/protocol/links.ts';
import type { Pod } from '../../../../server/protocol/pod.ts';
import { MeshBuilder, REFUSED } from '../../../support/mesh.ts';
import {
  annotationOf,
  annotationsOf,
  eventOf,
  eventsOf,
  FROM_MS,
  reportOf,
  type Scene,
  slowPod,
  TO_MS,
} from '../../../support/report-scene.ts';

/** A mesh whose fault was over before the end of the range: each link is fine at its end. */
function ended(builder: MeshBuilder): MeshBuilder {
  for (const { links } of builder.reports) {
    links.totalUs.fill(pack16(500));
    links.flags.fill(0);
  }
  return builder;
}

/** Experiment 2 that was over. */
const over = (n = 4) => ended(slowPod(n));

async function textsOf(...scene: Parameters<typeof reportOf>) {
  const report = await reportOf(...scene);
  const page = [...report.page()].join('');
  const findings = /Findings in the range &quot;during&quot;<\/h2>(.*?)<\/section>/s.exec(page)?.[1];
  return { title: report.data.title, findings };
}

const titleOf = async (scene: Scene) => (await textsOf(scene)).title;

describe('the title of a report', () => {
  it('says how far a fault reached that was over at the end of the range', async () => {
    const { title, findings } = await textsOf({ during: over() });
    expect(title).toBe('Report: 4 of 16 links became worse, to pod-3');
    expect(findings).toBe('<p>None at the end of the range, but 4 of 16 links became worse, to pod-3.</p>');
  });

  it('prefers that to a missing report, and to what was already so before', async () => {
    const silent = { during: over(5).silence(1), before: new MeshBuilder(5) };
    expect(await titleOf(silent)).toBe('Report: 4 of 20 links became worse, to pod-4');
    const failed = { during: over().set(0, 1, REFUSED), before: new MeshBuilder(4).set(0, 1, REFUSED) };
    expect(await titleOf(failed)).toBe('Report: 4 of 16 links became worse, to pod-3');
  });

  it('names the sources if they are fewer than the destinations', async () => {
    const during = ended(new MeshBuilder(4).outOf(2, { connectUs: 120_000 }));
    expect(await titleOf({ during })).toBe('Report: 3 of 16 links became worse, from pod-2');
  });

  it('says that there are no findings', async () => {
    const { title, findings } = await textsOf({ during: new MeshBuilder(4) });
    expect([title, findings]).toEqual(['Report: no findings', '<p>None.</p>']);
    expect(await titleOf({ during: new MeshBuilder(4).silence(1) })).toMatch(/^Report: pod-1: did not report/);
  });

  it('is the one in the query', async () => {
    expect(await titleOf({ query: { title: 'Friday' } })).toBe('Friday');
  });
});

it('a report says how many datagrams of the affected links were lost, in its key figures and for each link', async () => {
  const calm = () => new MeshBuilder(4).withUdp();
  const during = calm().set(0, 2, { udp: { windowLost: 12 } });
  const report = await reportOf({ before: calm(), during, after: calm() });
  const note = 'of the affected links; before, during, after';
  expect(report.data.keyFigures).toContainEqual({ name: 'Datagrams lost', value: '0 % → 12 % → 0 %', note });
  expect(report.data.affected).toMatchObject({ links: 1, to: { names: ['pod-2'] }, from: { names: ['pod-0'] } });
  const page = [...report.page()].join('');
  expect(page).toContain('12 % of datagrams lost');
  expect(page).toContain('1 with more datagrams lost');
  expect((await reportOf()).data.keyFigures.map(({ name }) => name)).not.toContain('Datagrams lost');
});

/** Since when all links to the replacement are ok. Packed durations of this length are multiples of 16. */
const HEALTHY_MS = FROM_MS + 23_008;

/** Pod 3 was killed 20 s after the start of the range; pod 4 replaced it. */
function killed(change: Partial<Pod> = {}): Scene {
  const lostMs = FROM_MS + 20_000;
  const mesh = () => {
    const killed = new MeshBuilder(5).each(() => true, { sinceMs: TO_MS - HEALTHY_MS }, true).silence(3, 'not-asked');
    for (const { pod } of killed.reports) killed.report(pod, { atMs: TO_MS });
    return killed
      .pod(3, { lifecycle: 'gone', sinceMs: lostMs, owner: 'rs', replacedBy: 'uid-4', ...change })
      .pod(4, { owner: 'rs', createdMs: lostMs, sinceMs: lostMs + 2_000 });
  };
  return { before: new MeshBuilder(4), during: mesh(), after: mesh() };
}

describe('a report of a forced kill', () => {
  const text = 'pod-3 lost at 14:55:20, replaced by pod-4, ready after 2.0 s, every link to it ok after 3.0 s';

  it('says in the title, in the key figures and in a list who was lost, who replaced it, and when it was healthy', async () => {
    const { data, page } = await reportOf({ ...killed(), after: new MeshBuilder(0) });
    expect(data.title).toBe(`Report: ${text}`);
    expect(data.lostPods).toEqual({
      count: 1,
      pods: [
        {
          name: 'pod-3',
          replacedBy: 'pod-4',
          needsReplacement: true,
          earliestMs: FROM_MS + 20_000,
          lostMs: FROM_MS + 20_000,
          readyMs: FROM_MS + 22_000,
          healthyMs: HEALTHY_MS,
        } satisfies LostPodFacts,
      ],
    });
    expect(data.keyFigures[0]).toEqual({ name: 'Pods lost', value: '1 pod', note: text });
    expect(data.keyFigures).toContainEqual({ name: 'Time to recover', value: '3.0 s', note: text });
    expect([...page()].join('')).toContain(`<li>${text}</li>`);
  });

  it('says how many of many pods have not recovered, also of those that it does not list', async () => {
    const during = new MeshBuilder(30).pod(24, { owner: 'rs' }).pod(29, { owner: 'rs' });
    for (let i = 0; i < 25; i++) during.pod(i, { lifecycle: 'gone', sinceMs: FROM_MS + i });
    const { title, keyFigures } = (await reportOf({ before: new MeshBuilder(30), during })).data;
    const text = '25 pods lost (pod-0, pod-1 and 23 more), 1 not recovered';
    expect([title, keyFigures[0]?.note]).toEqual([expect.stringContaining(text), text]);
  });

  it('counts a pod that left before the mesh after forgot it, and none that left before or after the range', async () => {
    const scene = killed();
    expect((await reportOf({ ...scene, after: new MeshBuilder(4) })).data.lostPods.count).toBe(1);
    for (const sinceMs of [FROM_MS - 1, TO_MS + 1]) {
      expect((await reportOf(killed({ sinceMs }))).data.lostPods.count).toBe(0);
    }
  });
});

describe('key figures', () => {
  const [a, b, c, chaos] = slowPod().pods;
  const figuresOf = async (scene: Scene) => {
    const { keyFigures } = (await reportOf(scene)).data;
    return Object.fromEntries(keyFigures.map(({ name, value, note }) => [name, [value, note]]));
  };

  it('say how many links are affected, how far from the target, and since when', async () => {
    const events = eventsOf([eventOf('link-slow', FROM_MS + 3_000, chaos ?? null, a && b && c ? [a, b, c] : [])]);
    expect(await figuresOf({ events, annotations: annotationsOf([annotationOf(FROM_MS, TO_MS)]) })).toEqual({
      'Affected links': ['4 of 16', '25 % became worse, to 1 pod from 4'],
      Collateral: ['0 links', 'every affected link touches the target'],
      'Time to detect': ['3.0 s', 'pod-3 slow at 14:55:03, 3.0 s after the annotation'],
      'Time to recover': ['–', 'The affected links are well at the end, but there is no event that says since when'],
      'Links with failures': ['0 → 0 → 0', 'before, during, after'],
      'Median of the others': ['0.50 ms → 0.50 ms', 'before and during, without the affected links'],
    });
  });

  it('say that no target stands out if nothing changed', async () => {
    const nothing = await figuresOf({ during: new MeshBuilder(4) });
    expect(nothing).toMatchObject({ Collateral: ['–', 'no target stands out'] });
    expect(nothing['Affected links']).toEqual(['0 of 16', '0 % became worse, to 0 pods from 0']);
  });
});
