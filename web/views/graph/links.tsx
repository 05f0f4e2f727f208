import { pathRound } from 'd3';
import { latencyText } from '../../../server/runtime/measure-text.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { foldWords } from '../../model/levels.ts';
import { DROP, linkMark, WAVE } from '../../model/marks.ts';
import type { Box } from '../../model/ring-layout.ts';
import type { Point } from './geometry.ts';
import { lineOf, PILL_HEIGHT, placePills, type SceneLink, traceLink } from './scene.ts';
import type { Graph } from './use-graph.ts';

/** Emphasis of a link. `dim`: another pod is selected. `hot`: under the pointer or the keyboard cursor. */
export type Emphasis = 'plain' | 'dim' | 'hot' | 'selected';
export type EmphasisOf = (link: Pick<SceneLink, 'pair' | 'from' | 'to'>) => Emphasis;

export function LinkShapes({ graph, emphasisOf }: { graph: Graph; emphasisOf: EmphasisOf }) {
  const { links, marked, dropped } = graph;
  const hasBad = links.some(({ state }) => state === 'failed' || state === 'slow');
  return (
    <g className={`graph-links${hasBad ? ' has-bad' : ''}`}>
      {links.map((link) => (
        <LinkShape key={link.pair} emphasis={emphasisOf(link)} link={link} marked={marked} dropped={dropped} />
      ))}
    </g>
  );
}

interface LinkShapeProps {
  link: SceneLink;
  emphasis: Emphasis;
  /** Whether marks of states are shown, and the drops of lossy links. */
  marked: boolean;
  dropped: boolean;
}

function LinkShape({ link, emphasis, marked, dropped }: LinkShapeProps) {
  const { state, arrow, middle, wave, drop } = link;
  const line = pathRound(1);
  traceLink(line, link);
  const d = line.toString();
  const style = lineOf(link);
  const isChosen = emphasis === 'hot' || emphasis === 'selected';
  return (
    <g className={`graph-link is-${style.tone}${emphasis === 'dim' ? ' is-dim' : isChosen ? ' is-chosen' : ''}`}>
      {isChosen && <path className="graph-halo" d={d} strokeWidth={emphasis === 'selected' ? 14 : 9} />}
      <path d={d} strokeWidth={Math.max(1, style.width)} strokeDasharray={style.dash.join(' ')} />
      {arrow.length > 0 && <polygon points={arrow.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />}
      {style.marked && (marked || isChosen) && <LinkMark at={middle} mark={linkMark(state)} />}
      {wave !== null && (marked || isChosen) && <LinkMark at={wave} mark={WAVE} kind="is-wave" />}
      {drop !== null && (dropped || isChosen) && <LinkMark at={drop} mark={DROP} kind="is-drop" />}
    </g>
  );
}

/** A mark on a disc of `size` * 1.1 px. */
export function LinkMark({ at, size = 15, mark, kind }: { at: Point; size?: number; mark: string; kind?: string }) {
  return (
    <g className={kind} transform={`translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`}>
      <circle fill="var(--page)" r={size * 0.55} />
      <path
        className="graph-link-mark"
        d={mark}
        transform={`scale(${size / 13}) translate(-12 -12)`}
        strokeWidth={2.2 / (size / 13)}
      />
    </g>
  );
}

/** Maximum number of latency labels, and of links between groups with their counts. */
const [MAX_PILLS, MAX_COUNTS] = [30, 4];

/** The latencies of few slow links, and the counts of few bad links between groups; never over `words`, the boxes of names. */
export function LinkPills({ graph, props, words }: { graph: Graph; props: ViewProps; words: readonly Box[] }) {
  const { picture } = props;
  // On many links the same count would be said again and again. The card says it, too.
  const isBadGroup = ({ state, from, to }: SceneLink) =>
    (state === 'failed' || state === 'slow') && foldWords(picture, from, to) !== '';
  const isCounted = graph.links.filter(isBadGroup).length <= MAX_COUNTS;
  const isFolded = picture.fold !== null;
  const wanted = graph.links.filter(
    ({ state, pair }) => state === 'slow' || pair === graph.pair || (isFolded && isCounted && state === 'failed'),
  );
  const slow = [...wanted].sort((a, b) => Number(b.pair === graph.pair) - Number(a.pair === graph.pair));
  if (graph.tier.names !== 'full' && !props.narrow && !isFolded) return null;
  if (!graph.tier.allLinks || (graph.tier.weight < 1 && !isFolded) || slow.length > MAX_PILLS) return null;
  const text = ({ pair, from, to, state }: SceneLink) => {
    const us = picture.valueUs[pair] ?? Number.NaN;
    return (isCounted && foldWords(picture, from, to)) || (us >= 0 && state !== 'failed' ? latencyText(us) : '');
  };
  const measured = slow.filter((link) => text(link) !== '');
  const shown = props.narrow ? measured.filter(({ loop }) => loop === null) : measured;
  const pills = placePills(shown, text, graph.spots, graph.tier.disc, words);
  const h = PILL_HEIGHT;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="graph-pills" aria-hidden="true">
      {pills.map(({ link, x, y, width, text: label }) => {
        const dim = graph.pod >= 0 && link.from !== graph.pod && link.to !== graph.pod;
        return (
          <g
            key={link.pair}
            transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}
            className={`graph-pill is-${link.state}${link.pair === graph.pair ? ' is-selected' : ''}${dim ? ' is-dim' : ''}`}
          >
            <rect x={-width / 2} y={-h / 2} width={width} height={h} rx={h / 2} />
            <text textAnchor="middle" y={4.5}>
              {label}
            </text>
          </g>
        );
      })}
    </g>
  );
}
