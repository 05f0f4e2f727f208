import type { ReportData } from '../../../contract/report.ts';
import { span } from '../times.ts';
import { html, type Markup } from './markup.ts';

/** What is not known. */
export function unknownSection({ unknown }: ReportData): Markup {
  const items = unknown.map((sentence) => html`<li>${sentence}</li>`);
  const all = html`<p>Nothing that was asked for is missing.</p>`;
  return html`<section><h2>What is not known</h2>${items.length === 0 ? all : html`<ul>${items}</ul>`}</section>`;
}

/** How the figures are counted, and of which settings. */
export function howSection({ cluster }: ReportData): Markup {
  return html`<section><h2>How it is counted</h2>
<p>An affected link became worse from "before" to "during": probes failed, and at least twice before's share of them; or its
median is ${cluster.slowLinkMs} ms or more, and at least twice before's. A link that is not known from before is affected when
it is bad. The blast radius is the share of affected links among all links with a sample during.</p>
<p>Time to detect runs from the fault's beginning (the first annotation since "before", else the beginning of "during") to the
first event of a failed or slow link; time to recover from the fault's end (that annotation's end, else the end of "during")
to the last event of a link that is well again.</p>
<dl class="facts"><dt>Ping interval</dt><dd>${span(cluster.refreshIntervalMs)}</dd>
<dt>Ping timeout</dt><dd>${cluster.pingTimeoutMs} ms</dd><dt>Slow from</dt><dd>${cluster.slowLinkMs} ms</dd></dl></section>`;
}
