import type { KeyboardEvent } from 'react';
import { isBrowserKey } from '../../components/keys.ts';
import { beginningOf, fitText, textWidth } from '../../model/label-layout.ts';
import { groupWords } from '../../model/levels.ts';
import { OCTAGON, POD_MARKS, WAVE } from '../../model/marks.ts';
import type { Picture, PodView } from '../../model/mesh-view.ts';
import { podWords } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import { isWithin, type Line, type PlacedLabel, predecessorWords, sizeOf } from './labels.ts';
import { type GraphHit, hasUprightLoops } from './scene.ts';
import type { Graph } from './use-graph.ts';

/** The keyboard cursor: a pod, and one of its links (-1 = none). */
export interface Cursor {
  pod: number;
  pair: number;
}

interface PodNodesProps {
  graph: Graph;
  picture: Picture;
  nowMs: number;
  onSelect: (hit: GraphHit) => void;
  cursor: Cursor | null;
  onCursor: (cursor: Cursor | null) => void;
}

/** Pods as glyphs. Tab moves between pods, arrows between the links of a pod, Enter selects, Escape leaves the link. */
export function PodNodes({ graph, picture, nowMs, onSelect, cursor, onCursor }: PodNodesProps) {
  const onKeyDown = (event: KeyboardEvent, pod: number) => {
    if (isBrowserKey(event)) return;
    const pair = cursor?.pod === pod ? cursor.pair : -1;
    const step = STEPS[event.key];
    if (step !== undefined) onCursor({ pod, pair: walk(graph, pod, pair, step) });
    else if (event.key === 'Enter' || event.key === ' ') onSelect(pair >= 0 ? { pair } : { pod });
    else if (event.key === 'Escape' && pair >= 0) onCursor({ pod, pair: -1 });
    else return;
    event.preventDefault();
  };
  return (
    <g className="pod-nodes">
      {graph.glyphs.map((index) => {
        const spot = graph.spots[index];
        const view = picture.pods[index];
        if (spot === undefined || view === undefined) return null;
        const radius = graph.radii(index);
        const isDim = graph.matching !== null && graph.matching[index] !== 1;
        return (
          // biome-ignore lint/a11y/useSemanticElements: a button inside SVG has no element of its own
          <g
            key={view.pod.uid}
            className={`pod-node${isDim ? ' is-dim' : ''}${view.passive ? ' is-passive' : ''}`}
            transform={`translate(${spot.x.toFixed(1)} ${spot.y.toFixed(1)})`}
            role="button"
            tabIndex={0}
            aria-label={describe(picture, view, graph.predecessors.get(index), nowMs)}
            aria-pressed={graph.pod === index}
            data-pod={view.pod.uid}
            onFocus={(event) => {
              if (event.currentTarget.matches(':focus-visible')) onCursor({ pod: index, pair: -1 });
            }}
            onBlur={() => onCursor(null)}
            onKeyDown={(event) => onKeyDown(event, index)}
            onClick={(event) => {
              // A click without a pointer comes from assistive technology. The stage handles other clicks.
              if (event.detail === 0) onSelect({ pod: index });
            }}
          >
            {groupWords(picture, index) !== '' && <circle className="pod-group" r={radius + 4} />}
            {graph.predecessors.has(index) && <circle className="pod-predecessor" r={radius + 5} />}
            <circle className="pod-focus" r={radius + 5} />
            {isChosen(graph, index, picture.n) && <circle className="pod-chosen" r={radius + 4} />}
            <PodGlyph view={view} radius={radius} outward={outwards(graph, spot)} />
          </g>
        );
      })}
    </g>
  );
}

/** Direction of the badge: on the outer side, between the self-link and the label. */
function outwards({ ring, tier }: Graph, spot: { x: number; y: number }): number {
  if (!hasUprightLoops(tier)) return Math.atan2(spot.y - ring.cy, spot.x - ring.cx) + FROM_LOOP;
  const down = spot.y > ring.cy + 1 ? FROM_LABEL : -FROM_LABEL;
  return spot.x < ring.cx - 1 ? Math.PI - down : down;
}

/** Angle between the badge and a self-link that is straight outwards, radians: they do not touch. */
const FROM_LOOP = 1.1;
/** Angle between the badge and a label beside the pod, radians. A self-link above or below is farther away. */
const FROM_LABEL = Math.PI / 5;

function isChosen({ pod, pair }: Graph, index: number, n: number): boolean {
  return pod === index || (pair >= 0 && (Math.floor(pair / n) === index || pair % n === index));
}

/** By key: which way along the links of a pod. */
const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** The next link of a pod after `pair`, worst first; for -1 the first or last one. */
function walk({ links }: Graph, pod: number, pair: number, step: number): number {
  const own = links.filter(({ from, to }) => from === pod || to === pod).reverse();
  if (own.length === 0) return -1;
  const at = own.findIndex((link) => link.pair === pair);
  const next = at < 0 ? (step > 0 ? 0 : own.length - 1) : (at + step + own.length) % own.length;
  return own[next]?.pair ?? -1;
}

function describe(picture: Picture, view: PodView, gone: PodView | undefined, nowMs: number): string {
  const { state, note } = podWords(picture, view, nowMs);
  const node = view.pod.node === '' ? '' : `on ${shownName(view.pod.node)}`;
  const { failed, slow } = view.into;
  const counts = [failed > 0 ? `${failed} failed` : '', slow > 0 ? `${slow} slow` : ''].filter(Boolean).join(' and ');
  const trouble = counts === '' ? '' : `${counts} ${failed + slow === 1 ? 'link' : 'links'} in`;
  const place = [view.name, groupWords(picture, view.index) || node].filter(Boolean).join(', ');
  return `${place}: ${[state, note, predecessorWords(picture, gone, nowMs), trouble].filter(Boolean).join(', ')}`;
}

/** A pod around (0, 0): shape, mark, a badge for slow inbound links in direction `outward` (radians), a wave if CPU-starved. */
function PodGlyph({ view, radius, outward }: { view: PodView; radius: number; outward: number }) {
  const { health, slowToReach, starved } = view;
  const scale = radius / 12;
  return (
    <g className={`pod-glyph is-${health}`}>
      {health === 'failing' ? (
        <path className="pod-shape" d={OCTAGON} transform={`scale(${scale * 1.1}) translate(-12 -12)`} />
      ) : (
        <circle className="pod-shape" r={radius} />
      )}
      {health === 'unknown' && <circle fill="var(--surface)" r={radius * 0.58} />}
      <path
        className="pod-mark"
        d={POD_MARKS[health]}
        transform={`scale(${scale}) translate(-12 -12)`}
        strokeWidth={markWidth(radius) * (health === 'starting' ? 1.5 : 1)}
      />
      {slowToReach && health !== 'failing' && <SlowBadge radius={radius} outward={outward} />}
      {starved && (
        <g className="pod-wave" transform={`translate(0 ${radius}) scale(${Math.max(0.7, scale * 0.7)})`}>
          <circle r="8" />
          <path d={WAVE} fill="none" transform="translate(-12 -12)" />
        </g>
      )}
    </g>
  );
}

/** Stroke width in units of the mark's 24-unit box: about 3 px on a large disc, never under 1.6. */
function markWidth(radius: number): number {
  return Math.max(1.6, Math.min(3, radius / 9)) / (radius / 12);
}

function SlowBadge({ radius, outward }: { radius: number; outward: number }) {
  const size = Math.max(5.5, radius * 0.42);
  const [x, y] = [Math.cos(outward) * radius * 0.95, Math.sin(outward) * radius * 0.95];
  return (
    <g className="pod-badge" transform={`translate(${x.toFixed(2)} ${y.toFixed(2)})`}>
      <circle className="badge-disc" r={size} />
      <path
        className="badge-bars"
        d={`M${-size * 0.45} ${-size * 0.25}H${size * 0.45}M${-size * 0.45} ${size * 0.25}H${size * 0.45}`}
      />
    </g>
  );
}

/** Labels beside the pods: name, node, state. */
export function PodLabels({ labels, picture }: { labels: readonly PlacedLabel[]; picture: Picture }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="pod-labels" aria-hidden="true">
      {labels.map(({ index, x, y, anchor, leader, lines, room }) => {
        const view = picture.pods[index];
        if (view === undefined) return null;
        const first = y - (lines.length - 1) * 9 + 4.5;
        return (
          <g key={view.pod.uid} className={`pod-label${view.health === 'gone' ? ' is-faded' : ''}`}>
            {leader.length > 0 && <path className={`pod-leader is-${view.health}`} d={`M${leader.join('L')}`} />}
            {lines.map((line, i) => (
              <text
                key={line.className}
                x={x}
                y={first + i * 18}
                textAnchor={anchor}
                className={`graph-words ${line.className}`}
              >
                <LineText line={line} room={room} />
              </text>
            ))}
          </g>
        );
      })}
    </g>
  );
}

/** The least room in which the start of a note says something, px. */
const LEAST_NOTE = 60;

/** Both parts of a line if they fit, otherwise the part that says what is wrong, shortened if necessary. A name stays whole. */
function LineText({ line, room }: { line: Line; room: number }) {
  const { text, more } = line;
  const sizePx = sizeOf(line);
  if (more === undefined) return fitText(text, room, sizePx);
  const isName = line.className === 'label-name' || line.className.startsWith('label-short');
  const left = isName ? room - textWidth(`${text} · `, sizePx) : 0;
  const isWhole = isWithin(room, line);
  if (text !== '' && (isWhole || left >= LEAST_NOTE)) {
    return (
      <>
        {text}
        {' · '}
        <tspan className={`tone-${more.tone}`}>{isWhole ? more.text : beginningOf(more.text, left, sizePx)}</tspan>
      </>
    );
  }
  if (isName) return fitText(text, room, sizePx);
  return <tspan className={`tone-${more.tone}`}>{beginningOf(more.text, room, sizePx)}</tspan>;
}
