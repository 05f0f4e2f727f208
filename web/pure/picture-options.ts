import type { Thresholds } from '../../server/protocol/link-state.ts';

/** Which latency of a link is shown: the newest one, or a statistic over the window (total only). */
export type ValueKind = 'last' | 'p50' | 'p95' | 'max';
/** Which phase of the newest sample is shown. */
export type ValuePhase = 'total' | 'connect' | 'first-byte';

/** Options of a picture. `phase` is used only with `value: 'last'`, because statistics exist only for totals. */
export interface PictureOptions {
  thresholds: Thresholds;
  value: ValueKind;
  phase: ValuePhase;
}

/** Whether two options give the same picture. */
export function sameOptions(a: PictureOptions, b: PictureOptions): boolean {
  return (
    a.value === b.value &&
    a.phase === b.phase &&
    a.thresholds.goodMs === b.thresholds.goodMs &&
    a.thresholds.warningMs === b.thresholds.warningMs &&
    a.thresholds.problemMs === b.thresholds.problemMs
  );
}
