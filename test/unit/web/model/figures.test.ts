import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS, LATENCY_STATES, LOSSY } from '../../../../server/protocol/link-state.ts';
import { emptyStats, NONE16, pack16 } from '../../../../server/protocol/links.ts';
import type { Outcome } from '../../../../server/protocol/sample.ts';
import { emptyUdp, writeLoss } from '../../../../server/protocol/udp.ts';
import { DEFAULT_ADDRESS, readAddress, windowOf, writeAddress } from '../../../../web/model/address.ts';
import { axisStatesOf } from '../../../../web/model/axis-states.ts';
import { figureDetail, figureExplained, stateLimits } from '../../../../web/model/figure-words.ts';
import { FIGURES, type Figure, figureCode, figureOf, valueText } from '../../../../web/model/figures.ts';
import { successText } from '../../../../web/model/format.ts';
import { foldPicture, foldWords } from '../../../../web/model/levels.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import { LINK_STATES, stateAt } from '../../../../web/model/links.ts';
import { buildPicture } from '../../../../web/model/mesh-view.ts';
import { cellSentence } from '../../../../web/model/messages.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { mergedReportOf, meshOf as meshWith, podsOf } from '../../../support/mesh.ts';
import { USUAL } from '../pictures.ts';

interface Given {
  samples?: number;
  suspect?: number;
  failures?: number;
  p50Us?: number;
  jitterUs?: number;
  usualUs?: number;
  sent?: number;
  lost?: number;
  outcome?: Outcome;
}

/** A report of one link. */
function reportWith(given: Given) {
  const { samples = 100, suspect = 0, failures = 0, p50Us = 500, jitterUs = 100, usualUs = 500 } = given;
  const stats = emptyStats(1);
  stats.samples[0] = samples;
  stats.suspect[0] = suspect;
  stats.failures[0] = failures;
  stats.p50Us[0] = pack16(p50Us);
  stats.jitterUs[0] = pack16(jitterUs);
  stats.usualUs[0] = pack16(usualUs);
  const udp = given.sent === undefined ? null : emptyUdp(1);
  if (udp !== null) writeLoss(udp, 0, { sent: given.sent ?? 0, lost: given.lost ?? 0, lossCycles: given.lost ?? 0 });
  return mergedReportOf(0, [{ to: 0, outcome: given.outcome ?? 'ok' }], { stats, udp });
}

/** The state of the one link. */
function stateIn(value: Figure, given: Given) {
  return stateAt(buildPicture(meshWith(podsOf(1), [reportWith(given)]), { ...USUAL, value }).state[0]);
}

describe('the state of a link by a figure', () => {
  test.each<[Figure, Given, string]>([
    ['failed', { failures: 0 }, 'good'],
    ['failed', { samples: 1000, failures: 9 }, 'fair'],
    ['failed', { failures: 1 }, 'warning'],
    ['failed', { failures: 10 }, 'slow'],
    // Suspect samples count only where there are no others.
    ['failed', { samples: 100, suspect: 90, failures: 1 }, 'slow'],
    ['failed', { samples: 0 }, 'not-probed'],
    ['jitter', { jitterUs: 1_900 }, 'good'],
    ['jitter', { jitterUs: 4_000 }, 'fair'],
    ['jitter', { jitterUs: 6_000 }, 'warning'],
    ['jitter', { jitterUs: 100_000 }, 'slow'],
    ['jitter', { jitterUs: -1 }, 'not-probed'],
    ['loss', { sent: 100, lost: 0 }, 'good'],
    ['loss', { sent: 1_000, lost: 19 }, 'fair'],
    ['loss', { sent: 10, lost: 2 }, 'fair'],
    ['loss', { sent: 100, lost: 3 }, 'warning'],
    ['loss', { sent: 100, lost: 10 }, 'slow'],
    ['loss', { sent: 0 }, 'not-probed'],
    ['loss', {}, 'not-probed'],
    ['usual', { p50Us: 60_000, usualUs: 60_000 }, 'good'],
    ['usual', { p50Us: 1_000, usualUs: 60_000 }, 'good'],
    ['usual', { p50Us: 9_000, usualUs: 6_000 }, 'fair'],
    ['usual', { p50Us: 12_000, usualUs: 6_000 }, 'warning'],
    ['usual', { p50Us: 18_000, usualUs: 6_000 }, 'slow'],
    // Four times as long, but by less than 0.5 ms.
    ['usual', { p50Us: 640, usualUs: 160 }, 'good'],
    ['usual', { p50Us: 660, usualUs: 160 }, 'slow'],
    ['usual', { usualUs: -1 }, 'not-probed'],
    ['usual', { p50Us: -1 }, 'not-probed'],
  ])('%s %j is %s', (figure, given, state) => expect(stateIn(figure, given)).toBe(state));

  test('is failed if it fails now, whatever the figure', () => {
    for (const figure of FIGURES) expect(stateIn(figure, { outcome: 'refused', sent: 10 })).toBe('failed');
  });

  test('never becomes better with a larger value', () => {
    const shares = fc.integer({ min: LOSSY.datagrams, max: 1_000 });
    fc.assert(
      fc.property(fc.constantFrom(...FIGURES), shares, shares, (figure, a, b) => {
        const codes = [Math.min(a, b), Math.max(a, b)].map((count) => {
          const given = { samples: 1_000, failures: count, sent: 1_000, lost: count };
          const report = reportWith({ ...given, jitterUs: 200 * count, p50Us: 50 * count, usualUs: 9_000 });
          return figureCode(figure, figureOf(figure, report, 0), report, 0, DEFAULT_THRESHOLDS);
        });
        expect(codes[0]).toBeLessThanOrEqual(codes[1] ?? 0);
        expect(LATENCY_STATES[codes[1] ?? -1]).toBeDefined();
      }),
    );
  });

  test('is not measured from an older version, which has neither jitter nor what is usual', () => {
    const report = reportWith({});
    report.stats?.jitterUs.fill(NONE16);
    report.stats?.usualUs.fill(NONE16);
    expect([figureOf('jitter', report, 0), figureOf('usual', report, 0)]).toEqual([-1, -1]);
    expect(FIGURES.map((figure) => figureOf(figure, { ...report, stats: null, udp: null }, 0))).toEqual([
      -1, -1, -1, -1,
    ]);
  });
});

describe('words', () => {
  test.each<[Figure | null, number, string]>([
    ['failed', 0.12, '12 %'],
    ['failed', 0, '0 %'],
    ['loss', 0.005, '0.5 %'],
    ['jitter', 3_100, '3.1 ms'],
    ['usual', 1, '1.0 ×'],
    ['usual', 1.84, '1.8 ×'],
    ['usual', 412, '412 ×'],
    [null, 560, '0.56 ms'],
    ['usual', Number.NaN, '–'],
  ])('%s %d is "%s"', (figure, value, text) => expect(valueText(figure, value)).toBe(text));

  test('a success rate is 100 % only if nothing failed', () => {
    expect([0, 0.00001, 0.02, 0.345, 1, -1].map(successText)).toEqual([
      '100 %',
      '99.9 %',
      '98 %',
      '65.5 %',
      '0 %',
      '–',
    ]);
  });

  const pictureOf = (value: Figure, pods = 4) =>
    buildPicture(meshOf({ pods, scenario: value === 'loss' ? 'lossy' : 'slow-pod', windowMs: 60_000 }), {
      ...USUAL,
      value,
    });

  test('a cell is told with its figure, unit and state', () => {
    expect(cellSentence(pictureOf('loss'), 0, 3)).toBe(
      'from goldpinger-001 to goldpinger-chaos: 20 % of datagrams lost, high',
    );
    expect(cellSentence(pictureOf('failed'), 0, 3)).toMatch(/: \d+ % of pings failed, /);
    expect(cellSentence(pictureOf('usual'), 0, 3)).toMatch(/: \d{3} × the usual latency, high$/);
    expect(cellSentence(pictureOf('jitter'), 0, 3)).toMatch(/: \d+ ms jitter, warning$/);
    const unmeasured = buildPicture(meshOf({ pods: 4, scenario: 'healthy' }), { ...USUAL, value: 'loss' });
    expect(cellSentence(unmeasured, 0, 3)).toMatch(/: not measured$/);
  });

  test('the card says what the figure counts', () => {
    const detail = (figure: Figure) => figureDetail(figure, linkFacts(pictureOf(figure), 0, 3));
    expect(detail('loss')).toBe('60 of 300 datagrams lost');
    expect(detail('failed')).toMatch(/^\d+ of 30 pings failed$/);
    expect(detail('usual')).toMatch(/^now 25\d ms, usually 0\.\d+ ms$/);
    expect(detail('jitter')).toMatch(/^p50 25\d ms$/);
  });

  test('the legend has the limits with their units', () => {
    const limits = (figure: Figure) =>
      (['good', 'fair', 'warning', 'slow', 'not-probed'] as const).map((state) =>
        stateLimits(pictureOf(figure), state, DEFAULT_THRESHOLDS, ''),
      );
    expect(limits('failed')).toEqual(['none', '< 1 %', '1–10 %', '≥ 10 %', 'no pings']);
    expect(limits('loss')).toEqual(['none', '< 2 % or < 3 datagrams', '2–10 %', '≥ 10 %', 'no datagrams']);
    expect(limits('usual')).toEqual(['< 1.5 ×', '1.5–2 ×', '2–3 ×', '≥ 3 ×', 'under 10 min of history']);
    expect(limits('jitter')).toEqual(['< 2 ms', '2–5 ms', '5–100 ms', '≥ 100 ms', 'fewer than two answers']);
    expect(figureExplained('usual', pictureOf('usual'))).toContain('The median of 1 min, divided by');
    expect(figureExplained('loss', pictureOf('loss'))).toContain('of the last 1 min');
  });

  test('a pod that loses datagrams marks its own row and column, and not those of all others', () => {
    const { rowWorst, columnWorst, rows } = axisStatesOf(pictureOf('loss', 24));
    const [high, good] = [LINK_STATES.indexOf('slow'), LINK_STATES.indexOf('good')];
    const lossy = rowWorst.indexOf(high);
    expect([...rowWorst].filter((code) => code === high)).toHaveLength(1);
    expect(columnWorst[lossy]).toBe(high);
    expect([...columnWorst].filter((code) => code === good)).toHaveLength(23);
    expect(rows[lossy]).toBe(-1);
  });

  test('groups say how many of their links are high', () => {
    const folded = foldPicture(pictureOf('loss', 12), { level: 'node', unfolded: [] });
    const words = [...folded.state.keys()].map((at) => foldWords(folded, Math.floor(at / folded.n), at % folded.n));
    expect(words).toContainEqual(expect.stringMatching(/^\d+ of \d+ are high$/));
    expect(words.join()).not.toContain('slow');
  });
});

describe('the address', () => {
  test('keeps each figure, and asks for the statistics that it needs in the heatmap alone', () => {
    const asked = (view: 'heatmap' | 'graph', value: Figure) => {
      const address = readAddress(writeAddress({ ...DEFAULT_ADDRESS, view, value, windowMs: 300_000 }));
      expect(address.value).toBe(value);
      return windowOf(address);
    };
    expect(FIGURES.map((figure) => asked('heatmap', figure))).toEqual([300_000, 300_000, 0, 60_000]);
    for (const figure of FIGURES) expect(asked('graph', figure)).toBe(0);
  });
});
