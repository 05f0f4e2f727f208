import type { KeyboardEvent } from 'react';
import type { GraphHit } from '../../pure/graph-hit.ts';
import { shownName } from '../../pure/names.ts';
import type { Picture, PodView } from '../../pure/picture.ts';
import { podWords } from '../../pure/pod-words.ts';
import { PodGlyph } from './pod-glyph.tsx';
import type { Graph } from './use-graph.ts';

/** The keyboard cursor: a pod, and one of its links (-1 = none). */
export interface Cursor {
  uid: string;
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
    const uid = picture.mesh.pods[pod]?.uid ?? '';
    const pair = cursor?.pod === pod ? cursor.pair : -1;
    const next = arrowStep(event.key);
    if (next !== 0) {
      event.preventDefault();
      onCursor({ uid, pod, pair: walk(graph, pod, pair, next) });
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onSelect(pair >= 0 ? { pair } : { pod });
    } else if (event.key === 'Escape' && pair >= 0) {
      event.preventDefault();
      onCursor({ uid, pod, pair: -1 });
    }
  };
  return (
    <g className="pod-nodes">
      {graph.glyphs.map((index) => {
        const spot = graph.spots[index];
        const view = picture.pods[index];
        if (spot === undefined || view === undefined) return null;
        const radius = graph.radii(index);
        return (
          // biome-ignore lint/a11y/useSemanticElements: a button inside SVG has no element of its own
          <g
            key={view.pod.uid}
            className={`pod-node${isDim(graph, index) ? ' is-dim' : ''}`}
            transform={`translate(${spot.x.toFixed(1)} ${spot.y.toFixed(1)})`}
            role="button"
            tabIndex={0}
            aria-label={describe(picture, view, nowMs)}
            aria-pressed={graph.pod === index}
            data-pod={view.pod.uid}
            onFocus={(event) => {
              if (event.currentTarget.matches(':focus-visible')) onCursor({ uid: view.pod.uid, pod: index, pair: -1 });
            }}
            onBlur={() => onCursor(null)}
            onKeyDown={(event) => onKeyDown(event, index)}
            onClick={(event) => {
              // A click without a pointer comes from assistive technology. The stage handles other clicks.
              if (event.detail === 0) onSelect({ pod: index });
            }}
          >
            <circle className="pod-focus" r={radius + 5} />
            {isChosen(graph, index, picture.n) && <circle className="pod-chosen" r={radius + 4} />}
            <PodGlyph
              health={view.health}
              radius={radius}
              slow={view.slowToReach}
              outward={outwards(graph, spot, radius)}
              hatch="pod-hatch"
            />
          </g>
        );
      })}
    </g>
  );
}

/** Direction of the badge: on the outer side, between the self-link and the label. */
function outwards({ ring }: Graph, spot: { x: number; y: number }, radius: number): number {
  // Beside the self-link, which is straight outwards.
  if (radius < 19) return Math.atan2(spot.y - ring.cy, spot.x - ring.cx) + 1.1;
  const side = spot.x < ring.cx - 1 ? Math.PI : 0;
  const down = spot.y > ring.cy + 1 ? 1 : -1;
  return side === 0 ? (down * Math.PI) / 5 : Math.PI - (down * Math.PI) / 5;
}

function isChosen({ pod, pair }: Graph, index: number, n: number): boolean {
  return pod === index || (pair >= 0 && (Math.floor(pair / n) === index || pair % n === index));
}

function isDim({ touching }: Graph, index: number): boolean {
  return touching !== null && touching[index] !== 1;
}

function arrowStep(key: string): number {
  if (key === 'ArrowRight' || key === 'ArrowDown') return 1;
  return key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 0;
}

/** The next link of a pod after `pair`, worst first; for -1 the first or last one. */
function walk({ links }: Graph, pod: number, pair: number, step: number): number {
  const own = links.filter(({ from, to }) => from === pod || to === pod).reverse();
  if (own.length === 0) return -1;
  const at = own.findIndex((link) => link.pair === pair);
  const next = at < 0 ? (step > 0 ? 0 : own.length - 1) : (at + step + own.length) % own.length;
  return own[next]?.pair ?? -1;
}

function describe(picture: Picture, view: PodView, nowMs: number): string {
  const { state, note } = podWords(picture, view, nowMs);
  const node = view.pod.node === '' ? '' : `, on ${shownName(view.pod.node)}`;
  const trouble = view.failedIn + view.slowIn > 0 ? `, ${view.failedIn} failed and ${view.slowIn} slow links in` : '';
  return `${view.name}${node}: ${state}${note === '' ? '' : `, ${note}`}${trouble}`;
}
