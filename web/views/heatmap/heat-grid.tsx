import { type MouseEvent, type RefObject, useRef, useState } from 'react';
import { useLetters } from '../../components/use-letters.ts';
import type { Size } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { cellSentence } from '../../model/messages.ts';
import { PlacedCallouts } from './callout-list.tsx';
import { cellAt, isScrolled, sizerOf } from './grid-geometry.ts';
import { HeatCard } from './heat-card.tsx';
import { cellRect, type Scene } from './scene.ts';
import { type Cursor, useCursor } from './use-cursor.ts';
import { type Drawn, EXPLAINED_TO, useFrame, useOverlay } from './use-frame.ts';
import type { HeatModel } from './use-heat-model.ts';

interface GridProps {
  props: ViewProps;
  model: HeatModel;
  size: Size;
  /** Receives the last drawn frame. */
  drawn: RefObject<Drawn | null>;
  onOrderStep: (step: 1 | -1) => void;
}

/** The canvas with axes, pointer and keyboard handling, and a text for screen readers. */
export function HeatGrid({ props, model, size, drawn, onOrderStep }: GridProps) {
  const { picture, selection, onSelect } = props;
  const { arrangement, layout } = model;
  const [scroll, setScroll] = useState({ x: 0, y: 0 });
  const scroller = useRef<HTMLDivElement>(null);
  const height = props.narrow ? layout.top + layout.viewHeight + 8 : size.height;
  const cursor = useCursor(props, model, scroller);
  const { canvas, placed } = useFrame({ props, model, size, height, scroll, drawn });
  const over = useOverlay(size, height, drawn, { cell: cursor.shown, byKeys: cursor.byKeys, selection });
  useLetters(
    props.letterKeys,
    {
      f: () => cursor.next('failed'),
      s: () => cursor.next('slow'),
      '[': () => onOrderStep(-1),
      ']': () => onOrderStep(1),
    },
    scroller,
  );
  const pointAt = ({ clientX, clientY }: MouseEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return null;
    return cellAt(picture, arrangement, layout, scroll, { x: clientX - box.left, y: clientY - box.top });
  };
  const explained = picture.n <= EXPLAINED_TO;
  const scene = drawn.current === null ? null : { ...drawn.current.scene, picture, ...model };
  return (
    <div className="heat-stage" style={props.narrow ? { height, flex: 'none' } : {}}>
      {/* biome-ignore lint/a11y/useSemanticElements: cells are pixels; only the active cell is an element */}
      <div
        className="heat-scroll"
        ref={scroller}
        role="grid"
        tabIndex={0}
        aria-label="Heatmap. Column: pings sent. Row: pings received."
        aria-rowcount={arrangement.pods.length}
        aria-colcount={arrangement.pods.length}
        aria-activedescendant={cursor.active === null ? undefined : 'heat-cell'}
        onScroll={({ currentTarget: { scrollLeft, scrollTop } }) =>
          setScroll(isScrolled(layout) ? { x: scrollLeft, y: scrollTop } : { x: 0, y: 0 })
        }
        onPointerMove={(event) => cursor.point(pointAt(event))}
        onPointerLeave={() => cursor.point(null)}
        onClick={(event) => cursor.open(pointAt(event))}
        onFocus={(event) => cursor.focus(event.currentTarget.matches(':focus-visible'))}
        onBlur={() => cursor.focus(false)}
        onKeyDown={cursor.onKeyDown}
      >
        <div className="heat-sizer" style={sizerOf(layout, size, height)}>
          <div className="heat-layers" aria-hidden="true">
            <canvas ref={canvas} />
            <canvas ref={over} />
          </div>
          <SpokenCell cursor={cursor} props={props} layout={layout} />
        </div>
      </div>
      <PlacedCallouts placed={placed} picture={picture} width={size.width} onSelect={onSelect} />
      {explained && model.calloutsBeside && arrangement.pods.length > 0 ? <ReadingNote model={model} /> : null}
      {scene === null ? null : (
        <CardAt
          scene={{ ...scene, scrollX: scroll.x, scrollY: scroll.y }}
          cursor={cursor}
          width={placed.length > 0 ? layout.left + layout.viewWidth : size.width}
          height={height}
        />
      )}
    </div>
  );
}

/** The active cell as an element, for screen readers. It has the place of the drawn cell, for screen magnifiers. */
function SpokenCell({ cursor: { active, place }, props, layout }: SpokenProps) {
  if (active === null) return null;
  const size = layout.pitch - layout.gap;
  const left = layout.left + (layout.starts[place.column] ?? 0);
  const top = layout.top + (layout.starts[place.row] ?? 0);
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the grid
    <div role="row" tabIndex={-1} aria-rowindex={place.row + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: see the grid */}
      <div
        role="gridcell"
        tabIndex={-1}
        id="heat-cell"
        className="heat-cell"
        style={{ left, top, width: size, height: size }}
        aria-colindex={place.column + 1}
      >
        <span className="hidden">{cellSentence(props.picture, active.from, active.to)}</span>
      </div>
    </div>
  );
}

interface SpokenProps {
  cursor: Cursor;
  props: ViewProps;
  layout: HeatModel['layout'];
}

function ReadingNote({ model: { layout } }: { model: HeatModel }) {
  return (
    <p className="heat-reading" style={{ left: layout.left + layout.viewWidth + 46, top: layout.top + 4 }}>
      <b>Column</b>: pings sent.
      <br />
      <b>Row</b>: pings received.
    </p>
  );
}

interface CardAtProps {
  scene: Scene;
  cursor: Cursor;
  /** Bounds of the card, CSS px. It must not cover callouts. */
  width: number;
  height: number;
}

function CardAt({ scene, cursor: { shown }, width, height }: CardAtProps) {
  const rect = shown === null ? null : cellRect(scene, shown);
  if (shown === null || rect === null) return null;
  const bounds = { x: 4, y: 4, width: width - 8, height: height - 8 };
  return <HeatCard picture={scene.picture} cell={shown} at={rect} bounds={bounds} />;
}
