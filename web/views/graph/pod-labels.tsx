import { fitText, type Label, placeLabels } from '../../pure/label-layout.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { shownName } from '../../pure/names.ts';
import type { Picture } from '../../pure/picture.ts';
import type { PodView } from '../../pure/pod-view.ts';
import { podWords, slowNote } from '../../pure/pod-words.ts';
import type { Graph } from './use-graph.ts';

/** A line of a label: its text, its class, and a second part in a colour of its own. */
interface Line {
  text: string;
  className: string;
  more?: { text: string; tone: LinkState };
}

/** Words beside the pods: names, where they run, how they are. */
export function PodLabels({
  graph,
  picture,
  nowMs,
  narrow,
}: {
  graph: Graph;
  picture: Picture;
  nowMs: number;
  narrow: boolean;
}) {
  const { tier, ring, spots, named, frame } = graph;
  const full = tier.names === 'full';
  const lineCount = full ? 3 : tier.names === 'accused' && !narrow ? 2 : 1;
  const labels = placeLabels({
    ring: { ...ring, spots: spots.map((spot) => ({ ...spot, angle: 0 })) },
    indexes: named,
    height: lineCount * 18 + (full ? 4 : 2),
    reach: tier.names === 'accused' ? 26 : tier.disc * (full || narrow ? 1 : 2.1),
    rise: full ? tier.disc * 0.4 : 0,
    box: frame.labels,
  });
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="pod-labels" aria-hidden="true">
      {labels.map((label) => {
        const view = picture.pods[label.index];
        if (view === undefined) return null;
        const lines = full
          ? fullLines(picture, view, nowMs)
          : lineCount === 2
            ? accusedLines(picture, view, nowMs)
            : shortLines(picture, view, nowMs);
        return <PodLabel key={view.pod.uid} label={label} lines={lines} room={roomOf(label, graph)} view={view} />;
      })}
    </g>
  );
}

function roomOf({ x, anchor }: Label, { frame }: Graph): number {
  return anchor === 'end' ? x - frame.labels.x : frame.labels.x + frame.labels.width - x;
}

function PodLabel({ label, lines, room, view }: { label: Label; lines: Line[]; room: number; view: PodView }) {
  const first = label.y - (lines.length - 1) * 9 + 4.5;
  const [a, b, c] = label.leader;
  const faded = view.health === 'gone' ? ' is-faded' : '';
  return (
    <g className={`pod-label${faded}`}>
      {a !== undefined && b !== undefined && c !== undefined && (
        <path className={`pod-leader is-${view.health}`} d={`M${a[0]} ${a[1]}L${b[0]} ${b[1]}L${c[0]} ${c[1]}`} />
      )}
      {lines.map((line, i) => (
        <text key={line.className} x={label.x} y={first + i * 18} textAnchor={label.anchor} className={line.className}>
          {fitText(line.text, room, i === 0 ? 15 : 13)}
          {line.more !== undefined && room > 90 && (
            <tspan className={`tone-${line.more.tone}`}>
              {' · '}
              {fitText(line.more.text, room - line.text.length * 7.5 - 12, 13)}
            </tspan>
          )}
        </text>
      ))}
    </g>
  );
}

function fullLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const place = [shownName(view.pod.node), shownName(view.pod.podIPs[0] ?? '')].filter(Boolean).join(' · ');
  return [
    { text: view.name, className: 'label-name' },
    { text: place, className: 'label-place' },
    {
      text: words.state,
      className: `label-state tone-${words.tone}`,
      ...(words.note !== '' && { more: { text: words.note, tone: words.noteTone } }),
    },
  ];
}

function accusedLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const note = view.health === 'healthy' ? (view.slowToReach ? slowNote(view) : '') : words.note || words.state;
  const tone = view.health === 'healthy' && view.slowToReach ? 'slow' : words.noteTone;
  const node = shownName(view.pod.node);
  return [
    { text: view.name, className: 'label-name' },
    {
      text: node || words.state,
      className: 'label-place',
      ...(note !== '' && { more: { text: note, tone } }),
    },
  ];
}

function shortLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const note = words.note !== '' && view.health === 'healthy' ? words.note : words.state.toLowerCase();
  const line: Line = { text: view.label, className: 'label-short' };
  return [
    view.health === 'healthy' && !view.slowToReach ? line : { ...line, more: { text: note, tone: words.noteTone } },
  ];
}
