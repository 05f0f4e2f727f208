import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../../server/protocol/link-state.ts';
import { FLAG_SLOW } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { findingsAt } from '../../../../web/model/findings-at.ts';
import { buildPicture } from '../../../../web/model/mesh-view.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { runToEnd } from '../../../support/generator.ts';
import { findingsOf } from '../../../support/mesh.ts';
import { USUAL } from '../pictures.ts';

const titlesAt = (mesh: Mesh, slowMs: number) => runToEnd(findingsAt(mesh, slowMs)).result.map(({ title }) => title);

test('with SLOW_LINK as the threshold, the findings are those of the server', () => {
  for (const scenario of ['slow-pod', 'mixed', 'dead-node'] as const) {
    const mesh = meshOf({ pods: 40, scenario });
    expect(titlesAt(mesh, mesh.settings.slowLinkMs)).toEqual(findingsOf(mesh).map(({ title }) => title));
  }
});

test('links of 250 ms are a finding below a threshold of 250 ms, and none above it', () => {
  const mesh = meshOf({ pods: 4, scenario: 'slow-pod' });
  for (const report of mesh.reports) for (const [i] of report.links.flags.entries()) report.links.flags[i] = FLAG_SLOW;
  expect(titlesAt(mesh, 200)).toEqual([expect.stringMatching(/^goldpinger-chaos: slow from all 3 others, /)]);
  expect(titlesAt(mesh, 300)).toEqual([]);
});

test('lost datagrams are a finding at any threshold', () => {
  const mesh = meshOf({ pods: 5, scenario: 'lossy' });
  for (const report of mesh.reports) report.links.flags.fill(FLAG_SLOW);
  const lost = mesh.findings.map(({ title }) => title);
  expect(lost).toEqual([expect.stringContaining('datagrams')]);
  expect(titlesAt(mesh, mesh.settings.slowLinkMs + 100)).toEqual(lost);
});

test('at any threshold, slow findings and slow links come and go together', () => {
  const mesh = meshOf({ pods: 12, scenario: 'slow-pod' });
  fc.assert(
    fc.property(fc.integer({ min: 6, max: 400 }), (problemMs) => {
      const slow = titlesAt(mesh, problemMs).length;
      const thresholds = { ...DEFAULT_THRESHOLDS, problemMs };
      expect(slow > 0).toBe(buildPicture(mesh, { ...USUAL, thresholds }).counts.slow > 0);
    }),
    { numRuns: 60 },
  );
});
