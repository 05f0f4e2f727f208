import type { MeshEvent } from '../../server/protocol/event.ts';
import { countText, latencyText, plural } from './figures.ts';
import { shownName } from './names.ts';
import type { TimelineStep } from './timeline-steps.ts';

/** The style of an event's mark. `up`, `down`: a pod joined or left. */
export type MarkTone = 'failed' | 'slow' | 'suspect' | 'good' | 'up' | 'down';

const TONES: Record<MeshEvent['kind'], MarkTone> = {
  'pod-seen': 'up',
  'pod-ready': 'good',
  'pod-not-ready': 'suspect',
  'pod-terminating': 'down',
  'pod-gone': 'down',
  'pod-replaced': 'up',
  'link-failed': 'failed',
  'link-recovered': 'good',
  'link-slow': 'slow',
  'link-normal': 'good',
  'api-lost': 'suspect',
  'api-back': 'good',
  'cpu-starved': 'suspect',
  'cpu-recovered': 'good',
  'probe-failed': 'failed',
  'probe-recovered': 'good',
};

/** The style of an event's mark. */
export function eventTone({ kind }: MeshEvent): MarkTone {
  return TONES[kind];
}

/** The text of an event without its time: "goldpinger-2 from 3 pods: timeout in connect". Safe to show. */
export function eventWords(event: MeshEvent): string {
  const { kind, outcome, phase, totalUs } = event;
  const name = shownName(event.pod?.name ?? '');
  const detail = shownName(event.detail);
  const where = phase === null || outcome === 'refused' ? '' : ` in ${phase.replace('-', ' ')}`;
  switch (kind) {
    case 'pod-seen':
      return `${name} joined`;
    case 'pod-ready':
      return `${name} is ready`;
    case 'pod-not-ready':
      return `${name} is not ready`;
    case 'pod-terminating':
      return `${name} is terminating`;
    case 'pod-gone':
      return `${name} is gone`;
    case 'pod-replaced':
      return `${name} is replaced${detail === '' ? '' : ` by ${detail}`}`;
    case 'link-failed':
      return `${linkText(event, name)}: ${outcome ?? 'failed'}${where}`;
    case 'link-recovered':
      return `${linkText(event, name)}: recovered`;
    case 'link-slow':
      return `${linkText(event, name)}: slow${totalUs >= 0 ? `, ${latencyText(totalUs)}` : ''}`;
    case 'link-normal':
      return `${linkText(event, name)}: no longer slow`;
    case 'api-lost':
      return 'Kubernetes API unreachable';
    case 'api-back':
      return 'Kubernetes API reachable again';
    case 'cpu-starved':
      return `${name} is CPU-starved`;
    case 'cpu-recovered':
      return `${name}: CPU recovered`;
    case 'probe-failed':
      return `${detail} fails${fromText(event)}`;
    case 'probe-recovered':
      return `${detail} recovered${fromText(event)}`;
  }
}

function linkText(event: MeshEvent, name: string): string {
  const [only] = event.from;
  if (event.fromCount === 1 && only !== undefined) return `${shownName(only.name)} → ${name}`;
  return `${name}${fromText(event)}`;
}

function fromText({ from, fromCount }: MeshEvent): string {
  const [only] = from;
  if (fromCount === 0 || only === undefined) return '';
  return ` from ${fromCount === 1 ? shownName(only.name) : plural(fromCount, 'pod')}`;
}

/** The text of a step: "2 failed, 4 slow", "no data". */
export function stepWords(step: TimelineStep | null): string {
  if (step === null || step.known === 0) return 'no data';
  const { failed, slow, known } = step;
  const bad = [failed > 0 ? `${countText(failed)} failed` : '', slow > 0 ? `${countText(slow)} slow` : ''];
  const words = bad.filter(Boolean).join(', ') || 'no failed or slow links';
  return known < 1 ? `${words}; data from ${Math.round(known * 100)} % of the pods` : words;
}
