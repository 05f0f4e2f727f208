import { parseClauses } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import type { MergedReport, Mesh, MissingReason } from '../../../../server/protocol/mesh.ts';
import type { Pod } from '../../../../server/protocol/pod.ts';
import { parseVerdict, type VerdictAnswer } from '../../../../server/protocol/verdict.ts';
import { runToEnd } from '../../../support/generator.ts';
import { MeshBuilder, meshOf, podOf, settingsOf } from '../../../support/mesh.ts';

export const WINDOW_MS = 30_000;
export const REFUSED = { outcome: 'refused', phase: 'connect' } as const;

/** How a test spoils a mesh. */
export type Change = (builder: MeshBuilder) => void;

export const fine: Change = () => {};

export const both =
  (...changes: Change[]): Change =>
  (builder) => {
    for (const change of changes) change(builder);
  };

/** Changes pod `i`. */
export const pod =
  (i: number, change: Partial<Pod>): Change =>
  ({ pods }) =>
    pods.splice(i, 1, { ...pods[i]!, ...change });

/** Changes the report of pod `i`. */
export const report =
  (i: number, change: Partial<MergedReport>): Change =>
  ({ reports }) =>
    reports.splice(i, 1, { ...reports[i]!, ...change });

/** One link is refused. */
export const failed =
  (from: number, to: number): Change =>
  (builder) =>
    builder.set(from, to, REFUSED);

/** The report of pod `i` is missing. */
export const silence =
  (i: number, reason: MissingReason = 'timeout'): Change =>
  (builder) =>
    builder.silence(i, reason);

/** Three pods and goldpinger-chaos (the last one), all healthy until `change` changes them: experiment 2 of the book. */
export function experiment(change = fine): MeshBuilder {
  const builder = new MeshBuilder(4);
  builder.pods[3] = podOf(3, { name: 'goldpinger-chaos', labels: 'app=goldpinger,chaos=true', zone: 'z1' });
  change(builder);
  return builder;
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
