import { expect } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import type { Matrix, Wish } from './matrix.ts';

export const REFUSED: Wish = { outcome: 'refused', phase: 'connect' };
export const TIMEOUT: Wish = { outcome: 'timeout', phase: 'connect' };
export const titles = (matrix: Matrix, servedBy = 0) => matrix.findings(servedBy).map(({ title }) => title);
export const kinds = (matrix: Matrix, servedBy = 0) => matrix.findings(servedBy).map(({ kind }) => kind);
export const only = (matrix: Matrix): Finding => {
  const found = matrix.findings();
  expect(found).toHaveLength(1);
  return found[0]!;
};
