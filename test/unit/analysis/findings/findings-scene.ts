import { expect } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import type { LinkFault, MeshBuilder } from '../../../support/mesh.ts';

export const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };
export const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
export const titles = (builder: MeshBuilder, servedBy = 0) => builder.findings(servedBy).map(({ title }) => title);
export const kinds = (builder: MeshBuilder, servedBy = 0) => builder.findings(servedBy).map(({ kind }) => kind);
export const only = (builder: MeshBuilder): Finding => {
  const found = builder.findings();
  expect(found).toHaveLength(1);
  return found[0]!;
};
