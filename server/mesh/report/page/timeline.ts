import type { EventKind, MeshEvent } from '../../../contract/event.ts';
import type { ReportData } from '../../../contract/report.ts';
import { counted } from '../names.ts';
import { clock, isoOf, milliseconds } from '../times.ts';
import { html, type Markup, name } from './markup.ts';

/** One line of the timeline. */
interface Line {
  atMs: number;
  what: string;
  who: Markup;
  words: Markup;
}

const WORDS: Record<EventKind, string> = {
  'pod-seen': '+ pod seen',
  'pod-ready': '✓ pod ready',
  'pod-not-ready': '‖ pod not ready',
  'pod-terminating': '↓ pod terminating',
  'pod-gone': '– pod gone',
  'pod-replaced': '↻ pod replaced',
  'link-failed': '✕ link failed',
  'link-recovered': '✓ link recovered',
  'link-slow': '= link slow',
  'link-normal': '✓ link normal',
  'api-lost': '✕ API server lost',
  'api-back': '✓ API server back',
  'row-starved': '~ pod starved',
  'row-recovered': '✓ pod no longer starved',
  'probe-failed': '✕ external probe failed',
  'probe-recovered': '✓ external probe recovered',
};

/** Events and annotations in the order of time. */
export function timelineSection({ events, annotations, ranges }: ReportData): Markup {
  const lines: Line[] = [...events.map(lineOfEvent), ...annotations.map(lineOfAnnotation)];
  lines.sort((a, b) => a.atMs - b.atMs);
  if (lines.length === 0) return html`<section><h2>What happened</h2><p>No event and no annotation.</p></section>`;
  const { fromMs, toMs } = ranges.during;
  const rangeOf = (atMs: number) => (atMs < fromMs ? 'before' : atMs <= toMs ? 'during' : 'after');
  const rows = lines.map(
    ({ atMs, what, who, words }) => html`<tr><td class="t"><time datetime="${isoOf(atMs)}">${clock(atMs)}</time></td>
<td>${rangeOf(atMs)}</td><td>${what}</td><td>${who}</td><td>${words}</td></tr>`,
  );
  return html`<section><h2>What happened</h2><div class="wide" tabindex="0" role="region" aria-label="Events and annotations"><table>
<caption>${counted(events.length, 'event')} and ${counted(annotations.length, 'annotation')}</caption><thead><tr>
<th scope="col">Time</th><th scope="col">Range</th><th scope="col">What</th><th scope="col">Who</th>
<th scope="col">How</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function lineOfEvent(event: MeshEvent): Line {
  const { atMs, kind, pod, outcome, phase, totalUs, detail } = event;
  const replaced = kind === 'pod-replaced' && detail !== '' ? `by ${detail}` : detail;
  const facts = [
    outcome === null || outcome === 'ok' ? '' : `${outcome}${phase === null ? '' : ` (${phase})`}`,
    totalUs < 0 || !kind.startsWith('link-') ? '' : milliseconds(totalUs),
    replaced,
  ];
  const words = html`${facts.filter((fact) => fact !== '').join(', ')}`;
  return { atMs, what: WORDS[kind], who: pod === null ? html`–` : html`${name(pod.name)}${fromWords(event)}`, words };
}

function fromWords({ kind, from, fromCount }: MeshEvent): Markup | null {
  if (!kind.startsWith('link-') || fromCount === 0) return null;
  const [first] = from;
  const who = fromCount === 1 && first !== undefined ? name(first.name) : html`${counted(fromCount, 'pod')}`;
  return html` from ${who}`;
}

function lineOfAnnotation({ fromMs, toMs, text, tags }: ReportData['annotations'][number]): Line {
  const until = toMs === null ? '' : ` until ${clock(toMs)}`;
  const words = html`${tags.map((tag) => html`<span class="tag">${tag}</span> `)}`;
  return { atMs: fromMs, what: `⚑ annotation${until}`, who: name(text), words };
}
