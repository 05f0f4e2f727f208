import { type Label, placeLabels, textWidth } from '../../model/label-layout.ts';
import { groupWords, noteOf } from '../../model/levels.ts';
import type { Tone } from '../../model/links.ts';
import type { Picture, PodView } from '../../model/mesh-view.ts';
import { podPhrase, podWords } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import type { Box } from '../../model/ring-layout.ts';
import type { FindingLabel } from './finding-labels.ts';
import { BOLD_13, reachOf } from './scene.ts';
import { FULL_LABEL } from './tier.ts';
import type { Graph } from './use-graph.ts';

/** A line of a label, and a second part in its own colour, which has priority if space is short. */
export interface Line {
  text: string;
  className: string;
  more?: { text: string; tone: Tone };
}

/** A bold text of 15 px is as wide as a normal one of this size, px. */
const BOLD_15 = 17;
const PLAIN = 13;
const MOST_WIDTH = 320;
/** Up to so many labels that are not full have room for a third line. */
const MOST_ROOMY = 3;

export function labelsOf(graph: Graph): Label[] {
  const { tier, ring, spots, named, frame } = graph;
  const full = tier.names === 'full';
  return placeLabels({
    ring: { ...ring, spots: spots.map((spot) => ({ ...spot, angle: 0 })) },
    indexes: named.map(({ index }) => index),
    height: heightOf(graph),
    reach: reachOf(tier),
    rise: full ? tier.disc * 0.4 : 0,
    // Among few pods so far that the arrows of the neighbours on the ring pass.
    lift: full ? tier.disc * 1.1 : tier.bundled ? tier.disc * 1.6 : 0,
    box: frame.labels,
  });
}

function heightOf(graph: Graph): number {
  if (graph.tier.names === 'full') return FULL_LABEL;
  const lines = lineCount(graph);
  return (lines > 1 && isRoomy(graph) ? lines + 1 : lines) * 18 + 2;
}

/** Whether a note that does not fit beside its node may take the next line. */
function isRoomy({ named }: Pick<Graph, 'named'>): boolean {
  return named.length <= MOST_ROOMY;
}

function lineCount({ tier, narrow }: Pick<Graph, 'tier' | 'narrow'>): number {
  if (tier.names === 'full') return 3;
  return tier.names === 'unhealthy' && !narrow ? 2 : 1;
}

export function roomOf({ x, anchor }: Label, { frame }: Graph): number {
  return Math.min(MOST_WIDTH, anchor === 'end' ? x - frame.labels.x : frame.labels.x + frame.labels.width - x);
}

/** Font size to estimate the width of a line, px. */
export function sizeOf({ className }: Line): number {
  if (className === 'label-name') return BOLD_15;
  return className.startsWith('label-state') || className.endsWith('is-bad') ? BOLD_13 : PLAIN;
}

function wholeText({ text, more }: Line): string {
  return [text, more?.text ?? ''].filter(Boolean).join(' · ');
}

/**
 * The lines of a label in `room` px. If state and note of a full label do not fit in one line, the note gets the next one,
 * and the address, which the card and the side panel show, is left out. If node and note of another label do not fit, the
 * note gets the next line, or both lines, where labels are few (`roomy`).
 */
export function linesIn(room: number, lines: readonly Line[], roomy: boolean): readonly Line[] {
  const [name, place, state] = lines;
  if (name !== undefined && place?.more !== undefined && roomy && !isWithin(room, place)) {
    return [name, ...noteLines(room, place.text, place.more)];
  }
  if (name === undefined || state?.more === undefined || isWithin(room, state)) return lines;
  const note: Line = { text: '', className: 'label-state is-note', more: state.more };
  return [name, { text: state.text, className: state.className }, note];
}

/** The node and a note in two lines; the note alone in both if it is too long for one. */
function noteLines(room: number, node: string, { text, tone }: NonNullable<Line['more']>): Line[] {
  const line = (part: string, className: string): Line => ({ text: '', className, more: { text: part, tone } });
  const whole = line(text, 'label-place is-note');
  if (isWithin(room, whole)) return [{ text: node, className: 'label-place' }, whole];
  const words = text.split(' ');
  let count = words.length - 1;
  while (count > 1 && !isWithin(room, line(words.slice(0, count).join(' '), 'label-place'))) count--;
  return [
    line(words.slice(0, count).join(' '), 'label-place'),
    line(words.slice(count).join(' '), 'label-place is-note'),
  ];
}

/** Whether all of a line fits in `room` px, by estimate. */
export function isWithin(room: number, line: Line): boolean {
  return textWidth(wholeText(line), sizeOf(line)) <= room;
}

/** A label with the lines that it has in its room (px), and their estimated box. */
export interface PlacedLabel extends Label {
  lines: readonly Line[];
  room: number;
  box: Box;
}

/** All labels. */
export function placedLabels(graph: Graph, picture: Picture, nowMs: number): PlacedLabel[] {
  const [height, count] = [heightOf(graph), lineCount(graph)];
  return labelsOf(graph).map((label) => {
    const { index } = label;
    const room = roomOf(label, graph);
    const finding = graph.named.find((one) => one.index === index)?.finding ?? null;
    const replaced = predecessorWords(picture, graph.predecessors.get(index), nowMs);
    const all = linesWith(linesOf(picture, index, finding, count, nowMs), replaced);
    const lines = linesIn(room, all, isRoomy(graph));
    const width = Math.min(room, Math.max(0, ...lines.map((line) => textWidth(wholeText(line), sizeOf(line)))));
    const x = label.anchor === 'end' ? label.x - width : label.x;
    return { ...label, lines, room, box: { x, y: label.y - height / 2, width, height } };
  });
}

/** For example "replaced fz8l2, gone 12 s"; '' = it replaced no pod that is remembered. */
export function predecessorWords(picture: Picture, gone: PodView | undefined, nowMs: number): string {
  return gone === undefined ? '' : `replaced ${gone.label}, ${podWords(picture, gone, nowMs).state.toLowerCase()}`;
}

/** Adds which pod this one replaced to the second line, or to the only one, unless something else has to be said there. */
function linesWith(lines: Line[], predecessor: string): Line[] {
  const place = Math.min(1, lines.length - 1);
  if (predecessor === '' || lines[place]?.more !== undefined) return lines;
  const more = { text: predecessor, tone: 'gone' as const };
  return lines.map((line, i) => (i === place ? { ...line, more } : line));
}

function linesOf(picture: Picture, index: number, finding: FindingLabel | null, lines: number, nowMs: number): Line[] {
  const view = picture.pods[index];
  if (view === undefined) return [];
  if (lines === 3) return fullLines(picture, view, nowMs);
  if (lines === 1) return finding?.node === '' ? nodeLines(view, finding) : shortLines(picture, view, nowMs);
  if (finding === null) return unhealthyLines(picture, view, nowMs);
  return [
    { text: finding.title, className: 'label-name' },
    { text: finding.node, className: 'label-place', more: { text: finding.note, tone: finding.tone } },
  ];
}

function fullLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const ownPlace = [shownName(view.pod.node), shownName(view.pod.podIPs[0] ?? '')].filter(Boolean).join(' · ');
  const place = groupWords(picture, view.index) || ownPlace;
  const state: Line = { text: words.state, className: `label-state tone-${words.tone}` };
  if (words.note !== '') state.more = { text: words.note, tone: words.noteTone };
  return [{ text: view.name, className: 'label-name' }, { text: place, className: 'label-address' }, state];
}

function unhealthyLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  return [
    { text: view.name, className: 'label-name' },
    {
      text: noteOf(picture, view.index),
      className: 'label-place',
      more: { text: podPhrase(view, words), tone: words.noteTone },
    },
  ];
}

/** For a finding about a node, the name of the node instead of the pod at which the label is shown. */
function nodeLines({ pod }: PodView, { note, tone }: FindingLabel): Line[] {
  return [{ text: shownName(pod.node), className: 'label-short is-bad', more: { text: note, tone } }];
}

function shortLines(picture: Picture, view: PodView, nowMs: number): Line[] {
  const words = podWords(picture, view, nowMs);
  const note = words.note !== '' && view.health === 'healthy' ? words.note : words.state.toLowerCase();
  if (view.health === 'healthy' && !view.slowToReach) return [{ text: view.label, className: 'label-short' }];
  return [{ text: view.label, className: 'label-short is-bad', more: { text: note, tone: words.noteTone } }];
}
