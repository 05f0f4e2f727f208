import { memo } from 'react';
import { latencyText } from '../../../server/runtime/measure-text.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { foldWords } from '../../model/levels.ts';
import { type LinkState, stateAt } from '../../model/links.ts';
import { DROP, linkMark, WAVE } from '../../model/marks.ts';
import { lineOf, PILL_HEIGHT, placePills, type SceneLink } from './scene.ts';
import type { Graph } from './use-graph.ts';

/** Emphasis of a link. `dim`: another pod is selected. `hot`: under the pointer or the keyboard cursor. */
export type Emphasis = 'plain' | 'dim' | 'hot' | 'selected';

interface LinkShapeProps {
  link: SceneLink;
  weight: number;
  emphasis: Emphasis;
  /** Whether marks of states are shown, and the drops of lossy links. */
  marked: boolean;
  dropped: boolean;
}

/** One link as SVG. Its props are strings and numbers, so that new measurements with the same geometry redraw nothing. */
export function LinkShape({ link, weight, emphasis, marked, dropped }: LinkShapeProps) {
  return (
    <LinkPath
      d={linkPath(link)}
      arrow={link.arrow.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')}
      x={link.middle.x}
      y={link.middle.y}
      waveX={link.wave?.x ?? Number.NaN}
      waveY={link.wave?.y ?? Number.NaN}
      dropX={link.drop?.x ?? Number.NaN}
      dropY={link.drop?.y ?? Number.NaN}
      state={link.state}
      weight={weight}
      emphasis={emphasis}
      marked={marked || emphasis === 'hot' || emphasis === 'selected'}
      dropped={dropped || emphasis === 'hot' || emphasis === 'selected'}
    />
  );
}

interface LinkPathProps {
  marked: boolean;
  dropped: boolean;
  d: string;
  arrow: string;
  x: number;
  y: number;
  /** Place of the wave of an unreliable link; NaN = none. */
  waveX: number;
  waveY: number;
  /** Place of the drop of a link that loses datagrams; NaN = none. */
  dropX: number;
  dropY: number;
  state: LinkState;
  weight: number;
  emphasis: Emphasis;
}

const LinkPath = memo(function LinkPath(props: LinkPathProps) {
  const { d, arrow, x, y, waveX, waveY, dropX, dropY, state, weight, emphasis, marked, dropped } = props;
  const style = lineOf({ state, drop: dropX >= 0 ? { x: dropX, y: dropY } : null });
  const width = Math.max(1, style.width * weight);
  const size = weight < 1 ? 11 : 15;
  const isChosen = emphasis === 'hot' || emphasis === 'selected';
  return (
    <g className={`graph-link is-${style.tone}${emphasis === 'dim' ? ' is-dim' : isChosen ? ' is-chosen' : ''}`}>
      {isChosen && <path className="graph-halo" d={d} strokeWidth={emphasis === 'selected' ? 14 : 9} />}
      <path
        d={d}
        strokeWidth={width}
        strokeDasharray={style.dash.map((part) => part * Math.max(weight, 0.6)).join(' ')}
      />
      {arrow !== '' && <polygon points={arrow} />}
      {style.marked && marked && <LinkMark x={x} y={y} size={size} mark={linkMark(state)} />}
      {waveX >= 0 && marked && <LinkMark x={waveX} y={waveY} size={size} mark={WAVE} kind="is-wave" />}
      {dropX >= 0 && dropped && <LinkMark x={dropX} y={dropY} size={size} mark={DROP} kind="is-drop" />}
    </g>
  );
});

function LinkMark(props: { x: number; y: number; size: number; mark: string; kind?: string }) {
  const { x, y, size, mark, kind } = props;
  return (
    <g className={kind} transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}>
      <circle className="graph-link-plate" r={size * 0.55} />
      <path
        className="graph-link-mark"
        d={mark}
        transform={`scale(${size / 13}) translate(-12 -12)`}
        strokeWidth={2.2 / (size / 13)}
      />
    </g>
  );
}

/** Path data of a link's line, which ends where its arrow starts. */
function linkPath({ curve, loop, arrow }: SceneLink): string {
  const at = (value: number) => value.toFixed(1);
  if (loop !== null) {
    const { x, y, radius: r } = loop;
    return `M${at(x - r)} ${at(y)}a${at(r)} ${at(r)} 0 1 1 ${at(2 * r)} 0a${at(r)} ${at(r)} 0 1 1 ${at(-2 * r)} 0`;
  }
  if (curve === null) return '';
  const [, left, right] = arrow;
  const end = left === undefined || right === undefined ? { x: curve.x1, y: curve.y1 } : between(left, right);
  return `M${at(curve.x0)} ${at(curve.y0)}Q${at(curve.cx)} ${at(curve.cy)} ${at(end.x)} ${at(end.y)}`;
}

function between(a: { x: number; y: number }, b: { x: number; y: number }) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Maximum number of latency labels, and of links between groups with their counts. */
const [MAX_PILLS, MAX_COUNTS] = [30, 4];

/** Labels on slow links with their latency, if there are few of them, and on bad links between groups with their counts. */
export function LinkPills({ graph, props }: { graph: Graph; props: ViewProps }) {
  const { picture } = props;
  // On many links the same count would be said again and again. The card says it, too.
  const isBadGroup = ({ state, from, to }: SceneLink) => state === 'failed' && foldWords(picture, from, to) !== '';
  const isFolded = picture.fold !== null && graph.links.filter(isBadGroup).length <= MAX_COUNTS;
  const wanted = graph.links.filter(
    ({ state, pair }) => state === 'slow' || pair === graph.pair || (isFolded && state === 'failed'),
  );
  const slow = [...wanted].sort((a, b) => Number(b.pair === graph.pair) - Number(a.pair === graph.pair));
  if (graph.tier.names !== 'full' && !props.narrow && !isFolded) return null;
  if (!graph.tier.allLinks || (graph.tier.weight < 1 && !isFolded) || slow.length > MAX_PILLS) return null;
  const text = ({ pair, from, to }: SceneLink) => {
    const us = picture.valueUs[pair] ?? Number.NaN;
    return (
      foldWords(picture, from, to) || (us >= 0 && stateAt(picture.state[pair]) !== 'failed' ? latencyText(us) : '')
    );
  };
  const measured = slow.filter((link) => text(link) !== '');
  const shown = props.narrow ? measured.filter(({ loop }) => loop === null) : measured;
  const pills = placePills(shown, text, graph.spots, graph.tier.disc);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="graph-pills" aria-hidden="true">
      {pills.map((pill) => {
        const link = shown.find(({ pair }) => pair === pill.pair);
        const dim = graph.pod >= 0 && link?.from !== graph.pod && link?.to !== graph.pod;
        return (
          <g
            key={pill.pair}
            transform={`translate(${pill.x.toFixed(1)} ${pill.y.toFixed(1)})`}
            className={`graph-pill is-${link?.state}${pill.pair === graph.pair ? ' is-selected' : ''}${dim ? ' is-dim' : ''}`}
          >
            <rect
              x={-pill.width / 2}
              y={-PILL_HEIGHT / 2}
              width={pill.width}
              height={PILL_HEIGHT}
              rx={PILL_HEIGHT / 2}
            />
            <text textAnchor="middle" y={4.5}>
              {pill.text}
            </text>
          </g>
        );
      })}
    </g>
  );
}
