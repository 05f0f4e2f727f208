import { parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import { parseDurationMs } from '../../../../server/config/parse.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { parseVerdict, type VerdictAnswer } from '../../../../server/protocol/verdict.ts';
import { meshOf, podOf, settingsOf } from '../../../support/mesh.ts';
import { MeshBuilder } from '../../../support/mesh-builder.ts';

export const WINDOW_MS = 30_000;

export function verdict(builder: MeshBuilder, expects: string[], change: Partial<Mesh> = {}): VerdictAnswer {
  const settings = settingsOf({ refreshIntervalMs: 2_000 });
  const mesh = meshOf(builder.pods, builder.reports, { windowMs: WINDOW_MS, settings, ...change });
  const clauses = expects.map((text) => parseClause(text, parseDurationMs));
  const work = judge(mesh, clauses, WINDOW_MS);
  for (;;) {
    const step = work.next();
    if (step.done === true) return parseVerdict(JSON.parse(JSON.stringify(step.value)));
  }
}

export const told = (builder: MeshBuilder, expects: string | string[], change: Partial<Mesh> = {}) =>
  verdict(builder, [expects].flat(), change).verdict;
export const refused = { outcome: 'refused', phase: 'connect' } as const;
/** Experiment 2: three pods and goldpinger-chaos (the last) behind a proxy. */
export function experiment(spoil: (builder: MeshBuilder) => void = () => {}): MeshBuilder {
  const builder = new MeshBuilder(4);
  builder.pods[3] = podOf(3, { name: 'goldpinger-chaos', labels: 'app=goldpinger,chaos=true', zone: 'z1' });
  spoil(builder);
  return builder;
}
