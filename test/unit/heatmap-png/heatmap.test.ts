import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { CELL_STATES, type Cells, collectCells, MAX_PODS } from '../../../server/heatmap-png/cells.ts';
import { glyphOf, shortened } from '../../../server/heatmap-png/font.ts';
import { HeatmapPainter, heatmapPng, layoutOf } from '../../../server/heatmap-png/heatmap.ts';
import { missingReport } from '../../../server/peers/merged-report.ts';
import { FLAG_SUSPECT } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { type LinkSpec, mergedReportOf, meshOf, NOW_MS, podOf, podsOf } from '../../support/mesh.ts';

const LIMITS = { goodMs: 2, warningMs: 5, problemMs: 100 };

const stateAt = ({ state, pods }: Cells, from: number, to: number) => CELL_STATES[state[to * pods.length + from] ?? -1];
/** The state of the link 0 -> 1 in a mesh of two pods. */
const stateOf = async (report: MergedReport) =>
  stateAt(await collectCells(meshOf(podsOf(2), [report, mergedReportOf(1, [])]), LIMITS), 0, 1);

/** A mesh in which pod `from` has one link, as `linkOf` says, to each pod. */
const fullMesh = (pods: Pod[], linkOf: (from: number, to: number) => Partial<LinkSpec> = () => ({})) =>
  meshOf(
    pods,
    pods.map((_pod, from) =>
      mergedReportOf(
        from,
        pods.map((_to, to) => ({ to, ...linkOf(from, to) })),
      ),
    ),
  );

describe('a cell of the heatmap', () => {
  it('has the state of its latency, where exactly a limit belongs to the worse one', async () => {
    const stateOfUs = (totalUs: number) => stateOf(mergedReportOf(0, [{ to: 1, totalUs }]));
    const states = await Promise.all([0, 2_000, 5_000, 99_000, 100_000].map(stateOfUs));
    expect(states).toEqual(['good', 'fair', 'warning', 'warning', 'slow']);
  });

  it('is failed for any outcome but ok, however fast, and for the worse of two families: a refused connection is not green', async () => {
    const failed: LinkSpec[][] = [
      [{ to: 1, outcome: 'refused', totalUs: 0 }],
      [{ to: 1, outcome: 'no-address', totalUs: 0 }],
      [{ to: 1, outcome: 'timeout' }, { to: 1 }],
    ];
    for (const links of failed) expect(await stateOf(mergedReportOf(0, links))).toBe('failed');
  });

  it('is unknown without a report, not probed without a link, not yet without a sample', async () => {
    expect(await stateOf(missingReport({ pod: 0, atMs: NOW_MS, fetchUs: 0 }, 'timeout', ''))).toBe('unknown');
    expect(await stateOf(mergedReportOf(0, [{ to: 0 }]))).toBe('not-probed');
    expect(await stateOf(mergedReportOf(0, [{ to: 1, notYet: true, outcome: 'refused' }]))).toBe('not-yet');
  });

  it('is at column from, row to; links to pods that are gone have no cell', async () => {
    const pods = [podOf(0, { lifecycle: 'gone' }), podOf(1), podOf(2), podOf(3)];
    const reports = [1, 2, 3].map((n) =>
      mergedReportOf(n, [
        { to: 0, outcome: 'timeout' },
        { to: 3, totalUs: 251_000 },
      ]),
    );
    const drawn = await collectCells(meshOf(pods, reports), LIMITS);
    expect(drawn.pods).toEqual([1, 2, 3]);
    for (const from of [0, 1, 2]) expect(stateAt(drawn, from, 2)).toBe('slow');
    expect([...drawn.state].filter((state) => CELL_STATES[state] === 'failed')).toHaveLength(0);
  });

  it('has a number as long as it has room for one: up to 35 pods', async () => {
    const numbersOf = async (pods: number) => (await collectCells(meshOf(podsOf(pods), []), LIMITS)).totalUs.length;
    expect([await numbersOf(0), await numbersOf(35), await numbersOf(36)]).toEqual([0, 35 * 35, 0]);
  });
});

const read = async (mesh: Mesh) => PNG.sync.read(await heatmapPng(mesh, LIMITS));

function colourAt(png: PNG, x: number, y: number): string {
  const at = (y * png.width + x) * 4;
  return `#${png.data.subarray(at, at + 3).toString('hex')}`;
}

/** The colour of cell (from, to) near its left upper corner, where no mark is drawn. */
async function fills(mesh: Mesh): Promise<(from: number, to: number) => string> {
  const png = await read(mesh);
  const { left, top, cellPx } = layoutOf(mesh.pods.length, 5);
  return (from, to) => colourAt(png, left + from * cellPx + 1, top + to * cellPx + 1);
}

describe('the heatmap as PNG', () => {
  it('shows experiment 2: one slow row, everything else good', async () => {
    const at = await fills(fullMesh(podsOf(4), (_, to) => ({ totalUs: to === 3 ? 251_000 : 400 })));
    for (const from of [0, 1, 2, 3]) {
      for (const to of [0, 1, 2]) expect(at(from, to)).toBe('#84cfaa');
      expect(at(from, 3)).toBe('#d5361c');
    }
  });

  it('has one colour for failed and another one for not probed, and marks suspect links in the corner', async () => {
    const links: LinkSpec[] = [
      { to: 1, outcome: 'refused' },
      { to: 0, flags: FLAG_SUSPECT },
    ];
    const mesh = meshOf(podsOf(2), [mergedReportOf(0, links), mergedReportOf(1, [])]);
    const at = await fills(mesh);
    expect([at(0, 1), at(1, 1)]).toEqual(['#5e0b24', '#eef1f4']);
    const { left, top, cellPx } = layoutOf(2, 5);
    expect(colourAt(await read(mesh), left + cellPx - 2, top)).toBe('#6b4fc4');
  });

  it.each([0, 1, 35, 300])('of %i pods has room for all cells', async (count) => {
    const { width, height } = await read(meshOf(podsOf(count), []));
    const { left, top, cellPx } = layoutOf(count, 5);
    expect([width <= 4096, height <= 4096]).toEqual([true, true]);
    expect([width >= left + count * cellPx, height >= top + count * cellPx]).toEqual([true, true]);
  });

  it('has a bounded size: of more pods than the most only so many are drawn', async () => {
    for (const count of [0, 1, 7, 100, 600, 1_000, MAX_PODS]) {
      const layout = layoutOf(count, 44);
      expect(layout.width).toBeLessThanOrEqual(4096);
      expect(layout.height).toBeLessThanOrEqual(4096);
      expect(layout.cellPx).toBeGreaterThanOrEqual(1);
      expect(layout.left + count * layout.cellPx).toBeLessThan(layout.width);
      expect(layout.legendNames).toBeLessThanOrEqual(count);
      if (count <= 1_000) expect(layout.legendNames).toBe(count);
      const lastLine = layout.top + Math.min(count, layout.legendLines) * 12;
      expect(lastLine).toBeLessThanOrEqual(layout.footTop);
    }
    const { pods, left } = await collectCells(meshOf(podsOf(MAX_PODS + 5)), LIMITS);
    expect([pods.length, left]).toEqual([MAX_PODS, 5]);
  });

  it('has a legend that depends on the names, and accepts any name', async () => {
    const named = (name: string) => heatmapPng(meshOf([podOf(0, { name })]), LIMITS);
    expect(await named('pod-a')).not.toEqual(await named('pod-b'));
    for (const name of ['', '\u0000\ud800', '<script>', 'ä'.repeat(2_000)]) {
      expect(PNG.sync.read(await named(name)).width).toBeGreaterThan(100);
    }
  });
});

describe('the font', () => {
  it('has a different glyph for every character of names in Kubernetes and of our own texts, within its box', () => {
    const chars = [...'abcdefghijklmnopqrstuvwxyz0123456789-. ,:;()?UTC'];
    expect(new Set(chars.map((char) => glyphOf(char).join())).size).toBe(chars.length);
    for (const glyph of chars.map(glyphOf)) {
      expect(glyph.length).toBeLessThanOrEqual(9);
      expect(glyph.every((row) => row >= 0 && row < 32)).toBe(true);
    }
    for (const char of ['ä', '\u0007', '\u2028', '']) expect(glyphOf(char)).toBe(glyphOf('?'));
  });

  it('shortens names in the middle', () => {
    expect(shortened('goldpinger-5f7c9', 16)).toBe('goldpinger-5f7c9');
    expect(shortened('goldpinger-of-the-north-5f7c9', 16)).toBe('goldpin..h-5f7c9');
    expect(shortened('x'.repeat(5_000), 44)).toHaveLength(44);
  });
});

it('more heatmaps than may wait are rejected', async () => {
  const painter = new HeatmapPainter();
  const mesh = meshOf(podsOf(1));
  const ends = await Promise.allSettled(Array.from({ length: 40 }, () => painter.paint(mesh, LIMITS)));
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(8);
  await expect(painter.paint(mesh, LIMITS)).resolves.toBeInstanceOf(Uint8Array);
});
