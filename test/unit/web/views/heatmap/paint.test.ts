import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cellColours, packColour } from '../../../../../web/model/heat-colours.ts';
import { codeOf, LINK_STATES, type LinkState, SEVERITY } from '../../../../../web/model/links.ts';
import { isInk, type PaintArea, paintCells, paintShared } from '../../../../../web/views/heatmap/paint.ts';

/** A colour of its own for every fill and ink; the notch is 2, paper 1. */
const COLOURS = {
  fill: Uint32Array.from(LINK_STATES, (_, code) => 100 + code),
  ink: Uint32Array.from(LINK_STATES, (_, code) => 200 + code),
  notch: 2,
  paper: 1,
};

function areaOf(n: number, cell: number, change: Partial<PaintArea> = {}): PaintArea {
  const size = n * cell;
  const starts = Float64Array.from({ length: n + 1 }, (_, i) => i * cell);
  const pods = Int32Array.from({ length: n }, (_, i) => i);
  return { width: size, height: size, scrollX: 0, scrollY: 0, starts, cell, pods, unit: 1, ...change };
}

function sourceOf(n: number, states: Record<string, LinkState>, unreliable = 0) {
  const state = new Uint8Array(n * n);
  for (const [pair, name] of Object.entries(states)) {
    const [from = 0, to = 0] = pair.split('>').map(Number);
    state[from * n + to] = codeOf(name);
  }
  return { n, state, unreliable: state.map(() => unreliable) };
}

function paint(source: ReturnType<typeof sourceOf>, area: PaintArea): Uint32Array {
  const pixels = new Uint32Array(area.width * area.height);
  paintCells(pixels, source, area, COLOURS);
  return pixels;
}

describe('a cell of 2 or 3 px is its colour alone', () => {
  test('with the column of the pod that pings and the row of the one that answers', () => {
    const pixels = paint(sourceOf(3, { '0>2': 'failed' }), areaOf(3, 2));
    const failed = [...pixels.keys()].filter((i) => pixels[i] === COLOURS.fill[codeOf('failed')]);
    expect(failed).toEqual([24, 25, 30, 31]);
  });

  test('and that of an unreliable measurement is the colour of its state too', () => {
    const pixels = paint(sourceOf(1, { '0>0': 'slow' }, 1), areaOf(1, 2));
    expect([...new Set(pixels)]).toEqual([COLOURS.fill[codeOf('slow')]]);
  });
});

describe('a cell of 4 to 13 px has the pattern of its state', () => {
  const inkOf = (state: LinkState, cell = 6) => {
    const pixels = paint(sourceOf(1, { '0>0': state }), areaOf(1, cell));
    return pixels.filter((pixel) => pixel >= 200).length;
  };

  test('good, fair, warning and gone are plain', () => {
    for (const state of ['good', 'fair', 'warning', 'gone'] as const) expect(inkOf(state)).toBe(0);
  });

  test('slow is one bar across, not probed a dot, failed a lattice, unknown a hatch', () => {
    expect((['slow', 'not-probed', 'not-yet'] as const).map((state) => inkOf(state))).toEqual([6, 1, 1]);
    for (const state of ['failed', 'unknown'] as const) {
      expect(inkOf(state)).toBeGreaterThan(6);
      expect(inkOf(state)).toBeLessThan(30);
    }
  });

  test('an unreliable one has a notch in its corner, over the colour and pattern of its state', () => {
    for (const state of LINK_STATES) {
      const [plain, notched] = [0, 1].map((unreliable) =>
        paint(sourceOf(1, { '0>0': state }, unreliable), areaOf(1, 8)),
      );
      expect(notched![0]).toBe(COLOURS.notch);
      const others = [...notched!.keys()].filter((i) => notched![i] !== COLOURS.notch);
      expect(others.length).toBeGreaterThan(50);
      for (const i of others) expect(notched![i]).toBe(plain![i]);
    }
  });

  test('hatches run on from cell to cell', () => {
    for (const state of ['failed', 'unknown'] as const) {
      const code = codeOf(state);
      fc.assert(
        fc.property(fc.nat(500), fc.nat(500), (gx, gy) => {
          expect(isInk(code, gx % 7, gy % 7, gx, gy, 7, 1)).toBe(isInk(code, 0, 0, gx, gy, 9, 1));
        }),
      );
    }
  });
});

test('scrolled, it shows what the whole picture has there', () => {
  const states = fc.array(fc.constantFrom(...LINK_STATES), { minLength: 64, maxLength: 64 });
  fc.assert(
    fc.property(states, fc.nat(30), fc.nat(30), (all, scrollX, scrollY) => {
      const source = sourceOf(8, Object.fromEntries(all.map((state, i) => [`${i >> 3}>${i % 8}`, state])));
      const whole = paint(source, areaOf(8, 6));
      const part = paint(source, { ...areaOf(8, 6), width: 17, height: 13, scrollX, scrollY });
      for (let y = 0; y < 13; y++) {
        for (let x = 0; x < 17; x++) expect(part[y * 17 + x]).toBe(whole[(y + scrollY) * 48 + x + scrollX]);
      }
    }),
    { numRuns: 40 },
  );
});

test('where pairs share a pixel the worst of them is drawn, and no pair is left out', () => {
  const requests = fc.record({
    n: fc.integer({ min: 2, max: 24 }),
    size: fc.integer({ min: 1, max: 24 }),
    seed: fc.array(fc.nat(LINK_STATES.length - 1), { minLength: 576, maxLength: 576 }),
  });
  fc.assert(
    fc.property(requests, ({ n, size, seed }) => {
      const state = Uint8Array.from({ length: n * n }, (_, i) => seed[i]!);
      const starts = Float64Array.from({ length: n + 1 }, (_, i) => (i * size) / n);
      const area = { ...areaOf(n, 1), width: size, height: size, starts };
      const pixels = new Uint32Array(size * size);
      paintShared(pixels, { n, state, unreliable: state }, area, COLOURS);
      const severityOf = (pixel: number) => SEVERITY[pixel - 100]!;
      for (let from = 0; from < n; from++) {
        for (let to = 0; to < n; to++) {
          const at = Math.floor(((to + 0.5) * size) / n) * size + Math.floor(((from + 0.5) * size) / n);
          expect(severityOf(pixels[at]!)).toBeGreaterThanOrEqual(SEVERITY[state[from * n + to]!]!);
        }
      }
      expect(Math.max(...Array.from(pixels, severityOf))).toBe(
        Math.max(...Array.from(state, (code) => SEVERITY[code]!)),
      );
    }),
  );
});

test('colours are packed as a canvas keeps them, red first, opaque', () => {
  const bytes = (css: string) => [...new Uint8Array(Uint32Array.of(packColour(css)).buffer)];
  expect(bytes('#0c2a1d')).toEqual([12, 42, 29, 255]);
  expect(bytes(' rgb(1, 2, 3) ')).toEqual([1, 2, 3, 255]);
  expect(bytes('what?')).toEqual([0, 0, 0, 255]);
  expect(cellColours(() => '#ffffff').paper).toBe(0xffffffff);
});
