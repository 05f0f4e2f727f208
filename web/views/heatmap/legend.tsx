import { countText, plural } from '../../../server/runtime/count-text.ts';
import './legend.css';
import { type ReactNode, useId, useMemo, useState } from 'react';
import { StateGlyph } from '../../components/state-glyph.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { usualThresholds } from '../../model/address.ts';
import { FIGURE_NAMES, figureExplained, stateLimits } from '../../model/figure-words.ts';
import { type FilterState, statesOf, withState } from '../../model/link-filter.ts';
import { LOSSY, legendStates, sharedOutcome, stateWords, UNRELIABLE } from '../../model/messages.ts';
import type { Arrangement } from '../../model/order.ts';
import { ThresholdScale } from './threshold-scale.tsx';
import { MAX_DOTS, THRESHOLD_LABELS, THRESHOLD_NAMES, type ThresholdName, withThreshold } from './thresholds.ts';

/** Edits the thresholds with a scale and three fields. Colours change at once, without fetching. */
export function ThresholdEditor(props: Pick<ViewProps, 'picture' | 'thresholds' | 'onThresholds'>) {
  const { picture, thresholds, onThresholds } = props;
  const usual = usualThresholds(picture.mesh.settings.slowLinkMs);
  const heading = useId();
  const set = (name: ThresholdName, ms: number) => onThresholds(withThreshold(thresholds, name, ms));
  return (
    <section className="thresholds" aria-labelledby={heading}>
      <div className="legend-head spread">
        <h3 id={heading}>Thresholds</h3>
        <button type="button" className="link-button" onClick={() => onThresholds(usual)}>
          Reset to {usual.goodMs} / {usual.warningMs} / {usual.problemMs}
        </button>
      </div>
      <p className="second">
        {picture.n * picture.n > MAX_DOTS ? 'Bars count links' : 'Each dot is one link'}; dashed line: timeout{' '}
        {picture.mesh.settings.pingTimeoutMs} ms.
      </p>
      <ThresholdScale picture={picture} thresholds={thresholds} onChange={set} />
      <div className="threshold-fields">
        {THRESHOLD_NAMES.map((name) => (
          <ThresholdField key={name} name={name} ms={thresholds[name]} onChange={(ms) => set(name, ms)} />
        ))}
      </div>
    </section>
  );
}

/** One field. A value is applied on Enter or when the field loses focus; invalid values are dropped. */
function ThresholdField(props: { name: ThresholdName; ms: number; onChange: (ms: number) => void }) {
  const { name, ms, onChange } = props;
  const [draft, setDraft] = useState<string | null>(null);
  const id = useId();
  const commit = () => {
    const typed = Number((draft ?? '').replace(',', '.'));
    if (draft !== null && draft.trim() !== '' && Number.isFinite(typed) && typed > 0) onChange(typed);
    setDraft(null);
  };
  return (
    <div className="threshold-field">
      <label className="second" htmlFor={id}>
        {THRESHOLD_LABELS[name]}
      </label>
      <span className="threshold-input field">
        <input
          id={id}
          inputMode="decimal"
          maxLength={8}
          autoComplete="off"
          value={draft ?? String(ms)}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={commit}
          onKeyDown={(event) => {
            if (event.key === 'Enter') commit();
            if (event.key === 'Escape') setDraft(null);
          }}
        />
        <span aria-hidden="true">ms</span>
      </span>
    </div>
  );
}

type LegendProps = Pick<ViewProps, 'picture' | 'thresholds' | 'onThresholds' | 'filter' | 'onFilter'>;

/** The side panel of the heatmap: every state with its count, which filters the links, and the threshold editor. */
export function LegendPanel({ picture, thresholds, onThresholds, filter, onFilter }: LegendProps) {
  const failedBy = useMemo(() => sharedOutcome(picture), [picture]);
  const { figure } = picture;
  const wanted = statesOf(filter);
  const entry = (state: FilterState, glyph: ReactNode, name: string, note: string, count: number) => (
    <li key={state} data-state={state}>
      <button
        type="button"
        className={count === 0 ? 'is-zero' : BOLD.includes(state) ? 'is-bold' : ''}
        aria-pressed={wanted.includes(state)}
        onClick={() => onFilter(withState(filter, state))}
      >
        {glyph}
        <span className="legend-name">{name}</span>
        <span className="legend-note second">{note}</span>
        <span className="legend-count">{countText(count)}</span>
      </button>
    </li>
  );
  return (
    <div className="legend column">
      <div className="legend-head spread">
        <h2>{figure === null ? 'Legend' : FIGURE_NAMES[figure]}</h2>
        <span className="second">{countText(picture.n * picture.n)} links</span>
      </div>
      {figure === null ? null : <p className="second">{figureExplained(figure, picture)}</p>}
      <ul className="legend-list column" aria-label="States. Press one to show only its links.">
        {legendStates(picture.counts).map((state) => {
          const note = stateLimits(picture, state, thresholds, failedBy);
          return entry(state, <StateGlyph state={state} />, stateWords(state, figure), note, picture.counts[state]);
        })}
        {picture.lossyLinks > 0 && entry('lossy', <StateGlyph state="good" lossy />, ...LOSSY, picture.lossyLinks)}
        {entry('unreliable', <StateGlyph state="suspect" />, ...UNRELIABLE, picture.unreliableLinks)}
      </ul>
      {figure === null || figure === 'jitter' ? (
        <ThresholdEditor picture={picture} thresholds={thresholds} onThresholds={onThresholds} />
      ) : null}
    </div>
  );
}

const BOLD: readonly FilterState[] = ['good', 'slow', 'failed'];

/** The pods, or nodes or zones, by their numbers on the axes, if neither names nor groups fit. The list is rendered when it is opened. */
export function PodNumbers({ props, arrangement }: { props: ViewProps; arrangement: Arrangement }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="pod-numbers second" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Numbers on the axes: {plural(arrangement.pods.length, props.picture.fold?.level ?? 'pod')}</summary>
      {isOpen ? (
        <ol>
          {[...arrangement.pods].map((pod) => {
            const view = props.picture.pods[pod];
            return view === undefined ? null : (
              <li key={view.pod.uid}>
                <button type="button" className="link-button" onClick={() => props.onSelect({ pod: view.pod.uid })}>
                  {view.name}
                </button>
              </li>
            );
          })}
        </ol>
      ) : null}
    </details>
  );
}
