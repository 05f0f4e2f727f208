import { StateGlyph } from '../../components/state-glyph.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { severityOf } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { type Callout, MAX_CALLOUT_WIDTH, mainRun, type PlacedCallout } from './callouts.ts';

type Select = Pick<ViewProps, 'onSelect'>;

/** Callouts beside the cells, at their computed places, within `width` px. */
export function PlacedCallouts(props: Select & { placed: PlacedCallout[]; picture: Picture; width: number }) {
  const { placed, picture, width, onSelect } = props;
  return placed.map(({ callout, action, x, y }) => (
    <div
      className="callout second column"
      key={keyOf(callout)}
      style={{ left: x, top: y - 10, maxWidth: Math.min(MAX_CALLOUT_WIDTH, width - x) }}
    >
      <CalloutWords callout={callout} picture={picture} action={action} onSelect={onSelect} />
    </div>
  ));
}

/** Callouts as a list below the cells, if there is no room beside them. */
export function CalloutList(props: Select & { callouts: Callout[]; picture: Picture }) {
  const { callouts, picture, onSelect } = props;
  if (callouts.length === 0) return null;
  const worstFirst = [...callouts].sort((a, b) => severityOf(b.state) - severityOf(a.state));
  return (
    <ul className="callout-list column">
      {worstFirst.map((callout) => (
        <li className="callout second column" key={keyOf(callout)}>
          <StateGlyph state={callout.state} />
          <div className="column">
            <CalloutWords callout={callout} picture={picture} action={false} onSelect={onSelect} />
          </div>
        </li>
      ))}
    </ul>
  );
}

function CalloutWords(props: Select & { callout: Callout; picture: Picture; action: boolean }) {
  const { callout, picture, action, onSelect } = props;
  const uid = picture.pods[callout.pod]?.pod.uid;
  const open = uid === undefined ? null : () => onSelect({ pod: uid });
  return (
    <>
      {action || open === null ? (
        <strong>{callout.title}</strong>
      ) : (
        <button type="button" className="callout-title bare" onClick={open}>
          {callout.title}
        </button>
      )}
      {callout.lines.map((line) => (
        <span key={line}>{line}</span>
      ))}
      {action && open !== null ? (
        <button type="button" className="link-button" onClick={open}>
          {(picture.fold?.groups[callout.pod]?.pods.length ?? 1) > 1 ? 'Unfold' : 'Open pod'}
        </button>
      ) : null}
    </>
  );
}

function keyOf(callout: Callout): string {
  const { axis, title, lines } = callout;
  return `${axis} ${mainRun(callout).first} ${title} ${lines[0]}`;
}
