import { describe, expect, it } from 'vitest';
import { parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import { parseDurationMs } from '../../../../server/config/parse.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { meshOf, podOf, settingsOf } from '../../../support/mesh.ts';
import { MeshBuilder } from '../../../support/mesh-builder.ts';

/** What pod-0 says of four healthy pods, of which pod-2 knows others than pod-0 does. */
function told(text: string, change: Partial<Mesh> = {}, spoil: (builder: MeshBuilder) => void = () => {}) {
  const builder = new MeshBuilder(4);
  spoil(builder);
  const reports = builder.reports.map((report) => ({ ...report, samePeers: report.pod !== 2 }));
  const mesh = meshOf(builder.pods, reports, { settings: settingsOf({ refreshIntervalMs: 2_000 }), ...change });
  const work = judge(mesh, [parseClause(text, parseDurationMs)], 30_000);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

describe('a pod that knows other pods than the one that answers', () => {
  it.each(['healthy', 'latency<50ms,to=pod-*', 'healthy,from=pod-2', 'healthy,from=node:*,to=pod-1'])(
    'makes unknown whether all is as it should be: %s',
    (text) => {
      const { verdict, reason } = told(text);
      expect(verdict).toBe('unknown');
      expect(reason).toContain(': pod-2 knows other pods than pod-0 does, and so there may be links');
    },
  );

  it.each(['healthy,from=pod-2,to=pod-1', 'healthy,from=pod-1', 'healthy,from=pod-0,to=node:*'])(
    'changes nothing where none of those is meant: %s',
    (text) => expect(told(text).verdict).toBe('pass'),
  );

  it('changes nothing of what is certain', () => {
    const refused = { outcome: 'refused', phase: 'connect' } as const;
    expect(told('healthy', {}, (builder) => builder.set(0, 1, refused)).verdict).toBe('fail');
  });

  it('is no reason while it is not ready: its list may not be complete yet', () => {
    const spoil = (builder: MeshBuilder) => {
      builder.pods[2] = podOf(2, { lifecycle: 'not-ready' });
    };
    expect(told('healthy', {}, spoil).verdict).toBe('pass');
  });

  it('counts where not everybody is pinged by everybody, too: a pod without a list pings nobody', () => {
    expect(told('healthy', { settings: settingsOf({ refreshIntervalMs: 2_000, pingNumber: 2 }) }).verdict).toBe(
      'unknown',
    );
  });
});
