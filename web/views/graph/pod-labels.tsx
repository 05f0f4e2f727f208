import { beginningOf, fitText, type Label, textWidth } from '../../pure/label-layout.ts';
import type { Picture, PodView } from '../../pure/picture.ts';
import { type LabelLines, type Line, roomOf, sizeOf, wholeText } from './label-lines.ts';
import type { Graph } from './use-graph.ts';

interface PodLabelsProps {
  graph: Graph;
  labels: readonly Label[];
  lines: LabelLines;
  picture: Picture;
}

/** Labels beside the pods: name, node, state. */
export function PodLabels({ graph, labels, lines, picture }: PodLabelsProps) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="pod-labels" aria-hidden="true">
      {labels.map((label) => {
        const view = picture.pods[label.index];
        if (view === undefined) return null;
        const words = lines.get(label.index) ?? NONE;
        return <PodLabel key={view.pod.uid} label={label} lines={words} room={roomOf(label, graph)} view={view} />;
      })}
    </g>
  );
}

const NONE: Line[] = [];

function PodLabel({ label, lines, room, view }: { label: Label; lines: readonly Line[]; room: number; view: PodView }) {
  const first = label.y - (lines.length - 1) * 9 + 4.5;
  const [a, b, c] = label.leader;
  const faded = view.health === 'gone' ? ' is-faded' : '';
  return (
    <g className={`pod-label${faded}`}>
      {a !== undefined && b !== undefined && c !== undefined && (
        <path className={`pod-leader is-${view.health}`} d={`M${a[0]} ${a[1]}L${b[0]} ${b[1]}L${c[0]} ${c[1]}`} />
      )}
      {lines.map((line, i) => (
        <text
          key={line.className}
          x={label.x}
          y={first + i * 18}
          textAnchor={label.anchor}
          className={`graph-words ${line.className}`}
        >
          <LineText line={line} room={room} />
        </text>
      ))}
    </g>
  );
}

/** Both parts of a line if they fit, otherwise the part that says what is wrong, shortened if necessary. */
function LineText({ line, room }: { line: Line; room: number }) {
  const { text, more } = line;
  const sizePx = sizeOf(line);
  if (more === undefined) return fitText(text, room, sizePx);
  const isShort = textWidth(wholeText(line), sizePx) <= room;
  const isName = line.className !== 'label-place';
  if (isShort && text !== '') {
    return (
      <>
        {text}
        {' · '}
        <tspan className={`tone-${more.tone}`}>{more.text}</tspan>
      </>
    );
  }
  if (isName) return fitText(text, room, sizePx);
  return <tspan className={`tone-${more.tone}`}>{beginningOf(more.text, room, sizePx)}</tspan>;
}
