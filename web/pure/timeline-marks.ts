import type { Annotation } from '../../server/protocol/annotation.ts';
import type { MeshEvent } from '../../server/protocol/event.ts';
import { shownName } from './names.ts';
import { eventTone, eventWords, type MarkTone } from './timeline-words.ts';

/** One mark on the axis: one event, or several that are close together. */
export interface EventMark {
  /** Position, px. */
  x: number;
  /** Time of the first event, ms since the epoch. */
  atMs: number;
  tone: MarkTone;
  /** The events, oldest first. */
  lines: { id: string; atMs: number; text: string }[];
}

/** Marks closer than this are merged, px. */
const APART = 24;
/** Tones by severity. A merged mark has the most severe one. */
const RANK: readonly MarkTone[] = ['up', 'down', 'good', 'suspect', 'slow', 'failed'];

/** Creates marks from left to right. `x` maps a time to px. Events outside `0..width` are left out. */
export function eventMarks(events: readonly MeshEvent[], x: (atMs: number) => number, width: number): EventMark[] {
  const marks: EventMark[] = [];
  for (const event of [...events].sort((a, b) => a.atMs - b.atMs)) {
    const at = x(event.atMs);
    if (at < 0 || at > width) continue;
    const tone = eventTone(event);
    const line = { id: event.id, atMs: event.atMs, text: eventWords(event) };
    const last = marks.at(-1);
    if (last !== undefined && at - last.x < APART) {
      last.lines.push(line);
      if (RANK.indexOf(tone) > RANK.indexOf(last.tone)) last.tone = tone;
    } else marks.push({ x: at, atMs: event.atMs, tone, lines: [line] });
  }
  return marks;
}

/** An annotation on the timeline. */
export interface Flag {
  id: string;
  x: number;
  /** End of its range, px; `x` if it has none. */
  endX: number;
  atMs: number;
  text: string;
  /** Width for its text, px; 0 = no room. The text is left of the flag if `isLeft`. */
  room: number;
  isLeft: boolean;
}

const FLAG = 24;
const LEAST_ROOM = 56;
const MOST_ROOM = 260;

/** Creates flags. Texts are cut before the next flag, and placed on the left near the right edge. */
export function flagsOf(annotations: readonly Annotation[], x: (atMs: number) => number, width: number): Flag[] {
  const seen = annotations.filter(({ fromMs, toMs }) => x(toMs ?? fromMs) >= 0 && x(fromMs) <= width);
  const places = seen.map(({ fromMs }) => Math.max(0, x(fromMs)));
  let takenTo = 0;
  return seen.map(({ id, fromMs, toMs, text, tags }, i) => {
    const at = places[i] ?? 0;
    const right = Math.min(places[i + 1] ?? width, width) - at - FLAG;
    const left = at - takenTo - FLAG;
    const isLeft = right < MOST_ROOM / 2 && left > right;
    const free = isLeft ? left : right;
    const room = free < LEAST_ROOM ? 0 : Math.min(MOST_ROOM, free);
    takenTo = isLeft || room === 0 ? at : at + Math.min(room, text.length * 7 + 4) + FLAG;
    const words = [text, ...tags.map((tag) => `#${tag}`)].join(' ');
    return {
      id,
      x: at,
      endX: Math.min(width, Math.max(at, x(toMs ?? fromMs))),
      atMs: fromMs,
      text: shownName(words),
      room,
      isLeft,
    };
  });
}
