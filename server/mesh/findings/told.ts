import type { MeshRow } from '../../contract/mesh.ts';
import type { Layer } from './layer.ts';
import type { Places } from './places.ts';

/** What rows have told, as far as findings need it. */
export interface Told {
  places: Places;
  /** By pod: its row, if it is here and to be believed. */
  rows: Map<number, MeshRow>;
  missing: MeshRow[];
  /** Rows that are here and not to be believed. */
  starved: MeshRow[];
  failed: Layer;
  /** Of the pairs that do not fail. */
  slow: Layer;
  /** Pods whose link to themselves fails, with its index in the row. */
  selfFailed: { pod: number; link: number }[];
  slowUs: number;
  /** Whether any pair was probed in both IP families. */
  bothFamilies: boolean;
}
