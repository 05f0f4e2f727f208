import { expect } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import type { MeshBuilder, Wish } from '../../../support/mesh-builder.ts';

export const REFUSED: Wish = { outcome: 'refused', phase: 'connect' };
export const TIMEOUT: Wish = { outcome: 'timeout', phase: 'connect' };
export const titles = (builder: MeshBuilder, servedBy = 0) => builder.findings(servedBy).map(({ title }) => title);
export const kinds = (builder: MeshBuilder, servedBy = 0) => builder.findings(servedBy).map(({ kind }) => kind);
export const only = (builder: MeshBuilder): Finding => {
  const found = builder.findings();
  expect(found).toHaveLength(1);
  return found[0]!;
};
