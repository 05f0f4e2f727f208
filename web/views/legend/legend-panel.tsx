import { useMemo } from 'react';
import { countText } from '../../pure/figures.ts';
import { stateWords } from '../../pure/link-words.ts';
import { LEGEND_ORDER, sharedOutcome, stateNote } from '../../pure/state-words.ts';
import type { ViewProps } from '../../view-props.ts';
import { StateGlyph } from '../state-glyph.tsx';
import { ThresholdEditor } from './threshold-editor.tsx';
import './legend.css';

/** The side panel of the heatmap: every state with its count, and the threshold editor. */
export function LegendPanel(props: Pick<ViewProps, 'picture' | 'thresholds' | 'onThresholds'>) {
  const { picture, thresholds, onThresholds } = props;
  const failedBy = useMemo(() => sharedOutcome(picture), [picture]);
  const retentionMs = picture.mesh.settings.goneRetentionMs;
  return (
    <div className="legend">
      <div className="legend-head">
        <h2>Legend</h2>
        <span className="legend-total">{countText(picture.n * picture.n)} links</span>
      </div>
      <ul className="legend-list">
        {LEGEND_ORDER.map((state) => {
          const count = picture.counts[state];
          const bold = count > 0 && (state === 'good' || state === 'slow' || state === 'failed');
          return (
            <li key={state} className={count === 0 ? 'is-zero' : bold ? 'is-bold' : ''} data-state={state}>
              <StateGlyph state={state} />
              <span className="legend-name">
                {stateWords(state)}
                {state === 'slow' ? <small> (problem)</small> : null}
              </span>
              <span className="legend-note">{stateNote(state, thresholds, retentionMs, failedBy)}</span>
              <span className="legend-count">{countText(count)}</span>
            </li>
          );
        })}
      </ul>
      <ThresholdEditor picture={picture} thresholds={thresholds} onThresholds={onThresholds} />
    </div>
  );
}
