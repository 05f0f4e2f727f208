import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { buildPicture, type Picture } from '../../../web/model/mesh-view.ts';
import type { MeshOptions } from '../../support/feed/plan.ts';
import { meshOf } from '../../support/feed/scenarios.ts';
import { findingsOf } from '../../support/mesh.ts';

/** The picture of a scenario and what the product finds in it, with the usual thresholds and the newest totals. */
export function pictureOf(options: MeshOptions, change: (mesh: Mesh) => void = () => {}): Picture {
  const mesh = meshOf(options);
  change(mesh);
  return buildPicture(
    { ...mesh, findings: findingsOf(mesh) },
    { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' },
  );
}
