import { parseClauses } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { parseVerdict, type VerdictAnswer } from '../../../../server/protocol/verdict.ts';
import { runToEnd } from '../../../support/generator.ts';
import { MeshBuilder, meshOf, settingsOf } from '../../../support/mesh.ts';

export const WINDOW_MS = 30_000;

/** Three pods and goldpinger-chaos (the last one), all healthy: experiment 2 of the book. */
export function experiment(): MeshBuilder {
  return new MeshBuilder(4).pod(3, { name: 'goldpinger-chaos', labels: 'app=goldpinger,chaos=true', zone: 'z1' });
}

/** The answer for a mesh, as a client reads it. */
export function answerFor(
  builder: MeshBuilder,
  expects: string | readonly string[],
  change: Partial<Mesh> = {},
): VerdictAnswer {
  const settings = settingsOf({ refreshIntervalMs: 2_000 });
  const mesh = meshOf(builder.pods, builder.reports, { windowMs: WINDOW_MS, settings, ...change });
  const { result } = runToEnd(judge(mesh, parseClauses([expects].flat()), WINDOW_MS));
  return parseVerdict(JSON.parse(JSON.stringify(result)));
}

/** The verdict for a mesh. */
export function verdictFor(builder: MeshBuilder, expects: string | readonly string[], change: Partial<Mesh> = {}) {
  return answerFor(builder, expects, change).verdict;
}
