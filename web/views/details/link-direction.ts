import type { LinkFacts } from '../../model/link-facts.ts';
import type { PodView } from '../../model/mesh-view.ts';
import type { HistoryState } from './use-link-history.ts';
import type { SamplesState } from './use-samples.ts';

/** One direction of a link with its data. */
export interface LinkDirection {
  /** Short names: "001 → chaos". */
  name: string;
  from: PodView;
  to: PodView;
  facts: LinkFacts;
  samples: SamplesState;
  past: HistoryState;
}
