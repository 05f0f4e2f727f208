import { range } from 'd3';
import { latencyText } from '../../../server/runtime/measure-text.ts';
import { type ExternalTarget, failedProbesText } from '../../model/external-targets.ts';
import { fitText } from '../../model/label-layout.ts';
import { linkMark } from '../../model/marks.ts';
import { shownName } from '../../model/names.ts';
import { type Box, pointOn } from '../../model/ring-layout.ts';
import { overlap, type Point } from './geometry.ts';
import type { Graph } from './use-graph.ts';

/** Maximum number of lines from failing pods to one target. */
const MAX_LINES = 12;

/** External targets beside the ring: one dashed line per target from all pods, or one line from each failing pod. */
export function ExternalMarks({ graph, words }: { graph: Graph; words: readonly Box[] }) {
  const { frame, targets, narrow } = graph;
  if (frame.external === null) return null;
  const places = externalPlaces(frame.external, targets.length, narrow);
  const left = targets.length - places.length;
  const room = narrow ? frame.external.width / Math.max(1, places.length) - 34 : 140;
  return (
    <g className="external">
      {places.map((place, i) => {
        const target = targets[i];
        if (target === undefined) return null;
        return (
          <g key={target.key}>
            <title>{externalWords(target)}</title>
            {linesTo(target, endOf(place, narrow), graph, words).map((d) => (
              <path key={d} className={`external-line is-${target.state}`} d={d} />
            ))}
            <ExternalMark target={target} place={place} room={room} narrow={narrow} />
          </g>
        );
      })}
      {left > 0 && places.length > 0 && !narrow && (
        <text className="graph-words" x={frame.external.x + 12} y={frame.external.y + frame.external.height - 4}>
          {left} more in the table
        </text>
      )}
    </g>
  );
}

function ExternalMark(mark: { target: ExternalTarget; place: Point; room: number; narrow: boolean }) {
  const { target, place, room, narrow } = mark;
  return (
    <g transform={`translate(${place.x} ${place.y})`}>
      <rect className={`external-box is-${target.state}`} x={-9} y={-9} width={18} height={18} rx={4} />
      <path
        className={`external-glyph is-${target.state}`}
        d={target.state === 'good' ? 'M8 12.3L11 15.3L16.3 9.3' : linkMark(target.state)}
        transform="scale(0.85) translate(-12 -12)"
      />
      {room > 36 && (
        <>
          <text className="graph-words external-name" x={15} y={narrow ? 4 : -2}>
            {fitText(shownName(target.name), room, 13)}
          </text>
          {!narrow && (
            <text className={`graph-words tone-${target.state}`} x={15} y={14}>
              {shortWords(target)}
            </text>
          )}
        </>
      )}
    </g>
  );
}

/** Places of the targets that fit: in a column, or side by side on a narrow screen. */
function externalPlaces(box: Box, count: number, narrow: boolean): Point[] {
  if (narrow) {
    const shown = Math.min(count, Math.floor(box.width / 30));
    const step = box.width / Math.max(1, shown);
    return Array.from({ length: shown }, (_, i) => ({ x: box.x + step * i + 14, y: box.y + box.height / 2 }));
  }
  const shown = Math.min(count, Math.floor((box.height - 20) / 44));
  const step = Math.min(64, box.height / Math.max(1, shown));
  const top = box.y + box.height / 2 - (step * (shown - 1)) / 2;
  return Array.from({ length: shown }, (_, i) => ({ x: box.x + 24, y: top + step * i }));
}

/** Where the lines to a target end: at the side of its mark that faces the ring. */
function endOf({ x, y }: Point, narrow: boolean): Point {
  return narrow ? { x, y: y - 13 } : { x: x - 13, y };
}

/** The lines to a target: from each failing pod, from the selected pod, or one from the edge of the ring for all pods. */
function linesTo(target: ExternalTarget, to: Point, graph: Graph, words: readonly Box[]): string[] {
  const { ring, spots, pod: selected } = graph;
  const line = (from: Point) => `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
  const own = spots[selected];
  if (own !== undefined) return target.state === 'failed' && !target.failing.includes(selected) ? [] : [line(own)];
  if (target.state === 'failed' && target.failed < target.probing) {
    const failing = target.failing.slice(0, MAX_LINES).flatMap((index) => spots[index] ?? []);
    return failing.map(line);
  }
  const edge = pointOn(ring, Math.atan2((to.y - ring.cy) / (ring.ry || 1), (to.x - ring.cx) / (ring.rx || 1)), 4);
  const start = clearStart(edge, to, words);
  return start === null ? [] : [line(start)];
}

/** From where on a line meets no words; null = next to nothing is left of it. */
export function clearStart(from: Point, to: Point, words: readonly Box[]): Point | null {
  const points = range(51).map((i) => ({
    x: from.x + ((to.x - from.x) * i) / 50,
    y: from.y + ((to.y - from.y) * i) / 50,
  }));
  const isCovered = ({ x, y }: Point) => words.some((box) => overlap(box, { x: x - 4, y: y - 4, width: 8, height: 8 }));
  return points.slice(points.findLastIndex(isCovered) + 1, -5)[0] ?? null;
}

function shortWords(target: ExternalTarget): string {
  if (target.state === 'not-yet') return `${target.protocol}, pending`;
  if (target.state === 'failed') return `${target.protocol}, ${failedProbesText(target)}`;
  return `${target.protocol}, ok, ${latencyText(target.slowestUs)}`;
}

function externalWords(target: ExternalTarget): string {
  const error = target.error === '' ? '' : `: ${shownName(target.error)}`;
  const name = target.path === null ? target.target : `${target.name}, ${target.target}`;
  return `${shownName(name)}, ${shortWords(target)}${error}`;
}
