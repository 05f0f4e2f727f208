import { useMemo } from 'react';
import { hasUprightLoops } from '../../pure/graph-scene.ts';
import { fitText, type Label, placeLabels } from '../../pure/label-layout.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { shownName } from '../../pure/names.ts';
import type { Picture } from '../../pure/picture.ts';
import type { PodView } from '../../pure/pod-view.ts';
import { podWords } from '../../pure/pod-words.ts';
import type { Suspect } from '../../pure/suspects.ts';
import type { Graph } from './use-graph.ts';

/** A line of a label: its text, its class, and a second part in a colour of its own, which goes before the first. */
interface Line {
  text: string;
  className: string;
  more?: { text: string; tone: LinkState };
}

/** Width of a character in em: on the wide side, as fonts differ. */
const EM = 0.54;
/** A bold name of 15 px is as wide as a plain one of 17. */
const BOLD_15 = 17;
const MOST_WIDTH = 320;

interface PodLabelsProps {
  graph: Graph;
  labels: readonly Label[];
  picture: Picture;
  nowMs: number;
  narrow: boolean;
}

/** Where the words of all named pods go. */
export function labelsOf(graph: Graph, narrow: boolean): Label[] {
  const { tier, ring, spots, named, frame } = graph;
  const full = tier.names === 'full';
  const lines = lineCount(graph, narrow);
  return placeLabels({
    ring: { ...ring, spots: spots.map((spot) => ({ ...spot, angle: 0 })) },
    indexes: named.map(({ index }) => index),
    height: lines * 18 + (full ? 4 : 2),
    reach: tier.names === 'accused' ? 26 : tier.disc * (hasUprightLoops(tier) ? 1 : 2.1),
    rise: full ? tier.disc * 0.4 : 0,
    box: frame.labels,
  });
}

/** How many lines a label has. */
function lineCount({ tier }: Pick<Graph, 'tier'>, narrow: boolean): number {
  if (tier.names === 'full') return 3;
  return tier.names === 'accused' && !narrow ? 2 : 1;
}

/** How wide a label can be, px. */
function roomOf({ x, anchor }: Label, { frame }: Graph): number {
  return Math.min(MOST_WIDTH, anchor === 'end' ? x - frame.labels.x : frame.labels.x + frame.labels.width - x);
}

/** Words beside the pods: names, where they run, how they are. */
export function PodLabels({ graph, labels, picture, nowMs, narrow }: PodLabelsProps) {
  const { tier, named } = graph;
  // Words change with the picture, places with every frame of a drag.
  const words = useMemo(() => {
    const lines = lineCount({ tier }, narrow);
    return new Map(named.map(({ index, suspect }) => [index, linesOf(picture, index, suspect, lines, nowMs)]));
  }, [tier, named, picture, nowMs, narrow]);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="pod-labels" aria-hidden="true">
      {labels.map((label) => {
        const view = picture.pods[label.index];
        if (view === undefined) return null;
        const lines = words.get(label.index) ?? NONE;
        return <PodLabel key={view.pod.uid} label={label} lines={lines} room={roomOf(label, graph)} view={view} />;
      })}
    </g>
  );
}

const NONE: Line[] = [];

function linesOf(picture: Picture, index: number, suspect: Suspect | null, lines: number, nowMs: number): Line[] {
  const view = picture.pods[index];
  if (view === undefined) return NONE;
  if (lines === 3) return fullLines(picture, view, nowMs);
  if (lines === 1) return shortLines(picture, view, nowMs);
  if (suspect === null) return accusedLines(picture, view, nowMs);
  return [
    { text: suspect.title, className: 'label-name' },
    { text: suspect.place, className: 'label-place', more: { text: suspect.note, tone: suspect.tone } },
  ];
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
        <text
          key={line.className}
          x={label.x}
          y={first + i * 18}
          textAnchor={label.anchor}
          className={`graph-words ${line.className}`}
        >
          <LineText line={line} room={room} sizePx={line.className === 'label-name' ? BOLD_15 : 13} />
        </text>
      ))}
    </g>
  );
}

/** Both parts where they fit, else the one that says what is wrong. */
function LineText({ line, room, sizePx }: { line: Line; room: number; sizePx: number }) {
  const { text, more } = line;
  if (more === undefined) return fitText(text, room, sizePx);
  const isShort = (text.length + more.text.length + 3) * sizePx * EM <= room;
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
  return <tspan className={`tone-${more.tone}`}>{fitText(more.text, room, sizePx)}</tspan>;
}

function fullLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const place = [shownName(view.pod.node), shownName(view.pod.podIPs[0] ?? '')].filter(Boolean).join(' · ');
  return [
    { text: view.name, className: 'label-name' },
    { text: place, className: 'label-address' },
    {
      text: words.state,
      className: `label-state tone-${words.tone}`,
      ...(words.note !== '' && { more: { text: words.note, tone: words.noteTone } }),
    },
  ];
}

function accusedLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const note = words.note || words.state;
  return [
    { text: view.name, className: 'label-name' },
    {
      text: shownName(view.pod.node),
      className: 'label-place',
      more: { text: note, tone: words.noteTone },
    },
  ];
}

function shortLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const note = words.note !== '' && view.health === 'healthy' ? words.note : words.state.toLowerCase();
  const line: Line = { text: view.label, className: 'label-short' };
  if (view.health === 'healthy' && !view.slowToReach) return [line];
  return [{ ...line, more: { text: note, tone: words.noteTone } }];
}
