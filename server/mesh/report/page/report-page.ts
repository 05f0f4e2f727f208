import { createHash } from 'node:crypto';
import type { ReportData } from '../../../contract/report.ts';
import type { ByRange } from '../each-link.ts';
import { clock, day, isoOf, span } from '../times.ts';
import { changedSection, figuresSection } from './figure-tables.ts';
import { howSection, unknownSection } from './foot.ts';
import { html, type Markup, name } from './markup.ts';
import { picturesSection } from './pictures.ts';
import { STYLE } from './style.ts';
import { findingsSection, keyFigures, verdictSection } from './summary.ts';
import { timelineSection } from './timeline.ts';

/** PNGs of the ranges; null where there is none to show. */
export type ReportPictures = ByRange<Uint8Array | null>;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** What a report may load: pictures and style within it, and nothing else. It has no script. */
export const REPORT_POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** The report as one HTML file that needs nothing else, in pieces. */
export function* reportPage(report: ReportData, pictures: ReportPictures): Generator<string> {
  yield headOf(report);
  yield intro(report).text;
  yield verdictSection(report).text;
  yield keyFigures(report).text;
  yield findingsSection(report).text;
  for (const piece of picturesSection(report, pictures)) yield piece;
  yield figuresSection(report).text;
  yield changedSection(report).text;
  yield timelineSection(report).text;
  yield unknownSection(report).text;
  yield howSection(report).text;
  yield '</main></body></html>\n';
}

/** The policy is in the file too: saved and opened from a disk it has no headers. */
function headOf(report: ReportData): string {
  const policy = html`<meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}">`;
  const title = html`<title>${report.title}</title>`;
  const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">';
  const head = `<meta charset="utf-8">${policy.text}${viewport}${title.text}<style>${STYLE}</style>`;
  return `<!DOCTYPE html>\n<html lang="en"><head>${head}</head><body><main>`;
}

function intro({ title, ranges, generatedAtMs, servedBy, cluster }: ReportData): Markup {
  const { fromMs, toMs } = ranges.during;
  const length = span(toMs - fromMs);
  return html`<header><h1>${title}</h1>
<p class="second">${day(fromMs)}, <time datetime="${isoOf(fromMs)}">${clock(fromMs)}</time> to
<time datetime="${isoOf(toMs)}">${clock(toMs)}</time> UTC (${length}) · ${cluster.pods} pods of
<code>${cluster.labelSelector}</code>${cluster.namespace === '' ? '' : ' in '}${name(cluster.namespace)}</p>
<p class="third">Made by goldpinger-ts ${cluster.version} on ${name(servedBy)}, ${day(generatedAtMs)}
${clock(generatedAtMs)} UTC. All times are UTC, by the clock of that pod.</p></header>`;
}
