import type { MergedReport, MissingReason } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { LinkFault, MeshBuilder } from '../../support/mesh.ts';

/** How a test spoils a mesh. */
export type Change = (builder: MeshBuilder) => void;

export const both =
  (...changes: Change[]): Change =>
  (builder) => {
    for (const change of changes) change(builder);
  };

export const set =
  (from: number, to: number, fault: LinkFault): Change =>
  (builder) =>
    builder.set(from, to, fault);

/** Spoils the links for which `picks` is true. */
export const each =
  (picks: (from: number, to: number) => boolean, fault: LinkFault): Change =>
  (builder) =>
    builder.each(picks, fault);

/** The report of pod `i` is missing. */
export const silence =
  (i: number, reason: MissingReason = 'timeout'): Change =>
  (builder) =>
    builder.silence(i, reason);

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
