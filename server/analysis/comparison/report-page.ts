import { createHash } from 'node:crypto';
import type { ChangedLink, ReportData, ReportFigures, ReportMoment } from '../../protocol/comparison.ts';
import type { EventKind, MeshEvent } from '../../protocol/event.ts';
import { isSlow } from '../../protocol/link-state.ts';
import { type ByRange, RANGES } from './compare.ts';
import { clock, counted, day, isoOf, listed, milliseconds, span, worseWords } from './tables.ts';

/** The style of a report: the page's colours in both themes, paper always light, tables that break between rows. */
const STYLE = `
:root{color-scheme:light dark;--page:#F4F6F8;--card:#FFFFFF;--text:#15202B;--second:#45525F;--third:#5D6975;
--line:#D8DEE4;--edge:#7C8894;--accent:#0B5CC4;--good:#0B6B47;--slow:#B02A14;--failed:#7A1233;--unknown:#45525F;
--slow-bar:#D5361C;--failed-bar:#5E0B24;--unknown-bar:#7C8894;--good-bar:#2B8A62}
@media (prefers-color-scheme:dark){:root{--page:#0E1319;--card:#161C24;--text:#E9EEF3;--second:#B3BECA;--third:#93A0AE;
--line:#2E3844;--edge:#7B8896;--accent:#74B4FF;--good:#63CFA5;--slow:#FF8A75;--failed:#FFD0DC;--unknown:#B3BECA;
--slow-bar:#FF6A60;--failed-bar:#FFE0E8;--unknown-bar:#7B8896;--good-bar:#3BA880}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:14px/20px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main{max-width:1040px;margin:0 auto;padding:32px 24px}
h1{font-size:24px;line-height:32px;font-weight:600;margin:0 0 4px}
h2{font-size:16px;line-height:24px;font-weight:600;margin:32px 0 8px}
p{margin:0 0 8px}
.second{color:var(--second)}.third{color:var(--third);font-size:12px;line-height:16px}
.verdict{border:1px solid var(--line);border-left:6px solid var(--unknown-bar);border-radius:8px;background:var(--card);
padding:12px 16px;margin:24px 0 16px}
.verdict p:last-child,.finding p:last-child{margin-bottom:0}
.pass{border-left-color:var(--good-bar)}.fail{border-left-color:var(--failed-bar)}
h2.headline{font-size:20px;line-height:28px;margin:0 0 8px}
.pass h2{color:var(--good)}.fail h2{color:var(--failed)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:12px;margin:0 0 12px;padding:0}
.figures>div{border:1px solid var(--line);border-radius:8px;background:var(--card);padding:12px 16px}
.figures dt{color:var(--second);font-size:13px;line-height:18px}
.figures dd{margin:0}.figures .value{font-size:20px;line-height:28px;font-weight:600}
.finding{border:1px solid var(--line);border-left:4px solid var(--unknown-bar);border-radius:8px;background:var(--card);
padding:8px 16px;margin:0 0 8px}
.finding.slow{border-left-color:var(--slow-bar)}.finding.failed{border-left-color:var(--failed-bar)}
.finding strong{font-weight:600}
table{border-collapse:collapse;width:100%;margin:0 0 8px;background:var(--card);border:1px solid var(--line)}
caption{text-align:left;color:var(--second);padding:0 0 8px}
th,td{text-align:left;vertical-align:top;padding:6px 12px;border-bottom:1px solid var(--line);overflow-wrap:break-word;
max-width:480px}
th{font-weight:500}thead th{color:var(--second);font-size:13px;line-height:18px}
td.n,th.n{text-align:right;white-space:nowrap}td.t{white-space:nowrap}
tbody th[scope=rowgroup]{background:var(--page);font-weight:600}
.bad{color:var(--slow);font-weight:600}.dead{color:var(--failed);font-weight:600}.well{color:var(--good)}
.tag{white-space:nowrap;border:1px solid var(--edge);border-radius:4px;padding:0 4px;font-size:12px;color:var(--second)}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:16px;margin:0 0 8px}
figure{margin:0}
figure img{display:block;max-width:100%;height:auto;background:#fff;border:1px solid var(--line);border-radius:8px}
figcaption{color:var(--second);padding:4px 0 0}
ul{margin:0 0 8px;padding-left:20px}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:0}
.facts dt{color:var(--second)}.facts dd{margin:0}
.wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--text:#15202B;--second:#45525F;--third:#5D6975;
--line:#C4CCD4;--edge:#7C8894;--good:#0B6B47;--slow:#B02A14;--failed:#7A1233;--unknown:#45525F;--slow-bar:#D5361C;
--failed-bar:#5E0B24;--unknown-bar:#7C8894;--good-bar:#2B8A62}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{font-size:10pt;line-height:14pt}main{max-width:none;padding:0}
h2{break-after:avoid;margin-top:18pt}caption{break-after:avoid}
thead{display:table-header-group}tr,figure,.finding,.verdict,.figures>div{break-inside:avoid}
th,td{padding:3pt 6pt;overflow-wrap:anywhere}.wide{overflow:visible}.figures{grid-template-columns:repeat(3,1fr)}
.pictures{grid-template-columns:repeat(2,1fr)}figure img{max-height:240mm}}
`;

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

const VERDICT_WORDS = {
  pass: '✓ The hypothesis held',
  fail: '✕ The hypothesis failed',
  unknown: '? Whether the hypothesis held is not known',
} as const;

/** The hypothesis, whether it held, and what spoke against it. */
function verdictSection({ verdict }: ReportData): Markup {
  const marks = { pass: '✓ pass', fail: '✕ fail', unknown: '? unknown' } as const;
  const clauses = verdict.expect.map(
    (clause, i) => html`<li><code>${clause}</code> – ${marks[verdict.clauses[i] ?? 'unknown']}</li>`,
  );
  const missing = verdict.missing_reports.length;
  return html`<section class="verdict ${verdict.verdict}" aria-labelledby="verdict">
<h2 class="headline" id="verdict">${VERDICT_WORDS[verdict.verdict]}</h2>
${verdict.reason === '' ? null : html`<p>${verdict.reason}</p>`}<ul>${clauses}</ul>
<p class="second">Over ${counted(verdict.links_checked, 'link')} and ${counted(verdict.samples, 'sample')} of the range
"during"; ${verdict.links_failed} failed${missing === 0 ? '' : `; ${counted(missing, 'pod')} did not report`}.</p>
${violations(verdict)}</section>`;
}

function violations({ violations: found }: ReportData['verdict']): Markup | null {
  if (found.length === 0) return null;
  const rows = found.map(
    (one) => html`<tr><td>${name(one.from)} → ${name(one.to)}</td><td>${one.found}</td>
<td><code>${one.clause}</code></td><td class="n">${one.samples}</td></tr>`,
  );
  return html`<div class="wide" tabindex="0" role="region" aria-label="Violations"><table><caption>Links that speak against it${found.length >= 20 ? ', the first 20' : ''}</caption>
<thead><tr><th scope="col">Link</th><th scope="col">Found</th><th scope="col">Expected</th>
<th scope="col" class="n">Samples</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** The figures that a reader looks for first. */
function keyFigures(report: ReportData): Markup {
  const { affected, collateral, figures, targets, timeToDetect, timeToRecover } = report;
  const share = affected.of === 0 ? 0 : (affected.links / affected.of) * 100;
  const percent = share > 0 && share < 1 ? 'less than 1' : String(Math.round(share));
  const others = figures.others;
  const median = `${others.before === null ? '–' : milliseconds(others.before.p50Us)} → ${milliseconds(others.during.p50Us)}`;
  return html`<h2>Key figures</h2><dl class="figures">
${card('Blast radius', `${affected.links} of ${affected.of} links`, `${percent} % became worse, to ${counted(affected.to.count, 'pod')} from ${affected.from.count}`)}
${card('Collateral', counted(collateral.count, 'link'), collateralWords(report))}
${card('Time to detect', lengthOf(timeToDetect), timeToDetect.words)}
${card('Time to recover', lengthOf(timeToRecover), timeToRecover.words)}
${card('Failing links', `${figures.all.before?.failed ?? '–'} → ${figures.all.during.failed}`, 'links with a failed probe, before and during')}
${card('Median of the other links', median, 'before and during, without the affected links')}
</dl><p class="second">Target: ${targets.count === 0 ? 'not known' : name(listed(targets))} (${TARGET_WORDS[targets.by]}).</p>`;
}

const TARGET_WORDS = {
  hypothesis: 'named by the hypothesis',
  finding: 'named by the gravest new finding',
  'most-affected': 'with the most affected links',
  none: 'no pod stands out',
} as const;

function collateralWords({ collateral, targets }: ReportData): string {
  if (targets.count === 0) return 'affected links that touch no target; without a target that is all';
  return collateral.count === 0
    ? 'no affected link is away from the target'
    : `away from the target: ${listed(collateral, 3)}`;
}

function lengthOf({ ms }: ReportMoment): string {
  return ms === null ? '–' : span(ms);
}

function card(term: string, value: string, words: string): Markup {
  return html`<div><dt>${term}</dt><dd class="value">${value}</dd><dd class="third">${words}</dd></div>`;
}

const SEVERITY_WORDS = { failed: 'failed', slow: 'slow', suspect: 'suspect', unknown: 'unknown' } as const;

/** What stood out at the end of the range "during", the gravest first; a fault that was over by then is in the links. */
function findingsSection({ findings, affected }: ReportData): Markup {
  const items = findings.map(
    (
      finding,
    ) => html`<div class="finding ${finding.severity}"><p><span class="tag">${SEVERITY_WORDS[finding.severity]}</span>
<strong>${finding.title}</strong>${finding.before ? ' (before, too)' : ''}</p>
${finding.detail === '' ? null : html`<p class="second">${finding.detail}</p>`}</div>`,
  );
  const none = html`<p>Nothing stood out.</p>`;
  const worse = html`<p>Nothing stood out any more at its end, but ${worseWords(affected)}.</p>`;
  const nothing = affected.links === 0 ? none : worse;
  return html`<section><h2>Findings in the range "during"</h2>${items.length === 0 ? nothing : items}</section>`;
}

/** Less than what two figures of a millisecond can show. */
const LEAST_US = 5;

const GROUPS = [
  ['all', 'All links'],
  ['affected', 'Affected links'],
  ['others', 'All other links'],
] as const;

/** Before, during and after: how many links, how many of them bad, how fast. */
function figuresSection({ figures, cluster }: ReportData): Markup {
  const groups = GROUPS.map(([group, words]) => {
    const rows = RANGES.map((range) => figuresRow(range, figures[group][range]));
    return html`<tbody><tr><th scope="rowgroup" colspan="7">${words}</th></tr>${rows}</tbody>`;
  });
  const heads = ['Links', 'Failed', 'Slow', 'p50', 'p95', 'Max'].map(
    (head) => html`<th scope="col" class="n">${head}</th>`,
  );
  return html`<section><h2>Before, during, after</h2><div class="wide" tabindex="0" role="region" aria-label="Before, during, after"><table>
<caption>Failed: with a failed probe. Slow: median of ${cluster.slowLinkMs} ms or more. p50, p95 and max: the median over
links of each link's own figure.</caption>
<thead><tr><th scope="col">Range</th>${heads}</tr></thead>${groups}</table></div></section>`;
}

function figuresRow(range: string, figures: ReportFigures | null): Markup {
  if (figures === null) return html`<tr><th scope="row">${range}</th><td colspan="6">not looked at</td></tr>`;
  const { links, failed, slow, p50Us, p95Us, maxUs } = figures;
  const bad = (count: number, look: string) => html`<td class="n${count > 0 ? ` ${look}` : ''}">${count}</td>`;
  const times = [p50Us, p95Us, maxUs].map((us) => html`<td class="n">${milliseconds(us)}</td>`);
  return html`<tr><th scope="row">${range}</th><td class="n">${links}</td>${bad(failed, 'dead')}${bad(slow, 'bad')}${times}</tr>`;
}

/** The links that changed most, and how much the others changed. */
function changedSection({ changed, unlisted, cluster }: ReportData): Markup {
  const rest = restWords(unlisted, changed.length > 0);
  if (changed.length === 0) {
    return html`<section><h2>Links that changed most</h2><p>No link changed by a millisecond or began to fail. ${rest}</p></section>`;
  }
  const slowUs = cluster.slowLinkMs * 1000;
  return html`<section><h2>Links that changed most</h2><div class="wide" tabindex="0" role="region" aria-label="Links that changed most"><table>
<caption>Median, and failed of all probes where some failed. "Collateral" is an affected link that touches no
target.</caption><thead><tr><th scope="col">Link</th><th scope="col" class="n">Before</th><th scope="col" class="n">During</th>
<th scope="col" class="n">After</th><th scope="col" class="n">Change</th><th scope="col">State</th></tr></thead>
<tbody>${changed.map((link) => changedRow(link, slowUs))}</tbody></table></div><p class="second">${rest}</p></section>`;
}

/** Of links that did not make it into the table. */
function restWords({ links, maxChangeUs }: ReportData['unlisted'], isRest: boolean): string {
  if (links === 0) return '';
  const which = `The ${counted(links, isRest ? 'other link' : 'link')} known before and during`;
  return maxChangeUs < LEAST_US
    ? `${which} did not change.`
    : `${which} changed by ${milliseconds(maxChangeUs)} at most.`;
}

function changedRow(link: ChangedLink, slowUs: number): Markup {
  const { before, during, after } = link;
  const state = !link.affected ? 'changed' : link.touchesTarget ? 'affected' : 'collateral';
  return html`<tr><th scope="row">${name(link.from)} → ${name(link.to)}${link.ipv6 ? ' (IPv6)' : ''}</th>
${[before, during, after].map((range) => linkCell(range, slowUs))}<td class="n">${changeOf(before, during)}</td>
<td><span class="tag">${state}</span></td></tr>`;
}

function linkCell(link: ChangedLink['during'], slowUs: number): Markup {
  if (link === null) return html`<td class="n">no sample</td>`;
  const { samples, failures, p50Us } = link;
  const failed = failures === 0 ? '' : `${failures} of ${samples} failed`;
  if (p50Us < 0) return html`<td class="n dead">${failed === '' ? '–' : failed}</td>`;
  const look = failures > 0 ? ' dead' : isSlow(p50Us, slowUs) ? ' bad' : '';
  return html`<td class="n${look}">${milliseconds(p50Us)}${failed === '' ? null : html`<br>${failed}`}</td>`;
}

function changeOf(before: ChangedLink['before'], during: ChangedLink['during']): string {
  if (before === null || during === null || before.p50Us < 0 || during.p50Us < 0) return '–';
  const us = during.p50Us - before.p50Us;
  return `${us < 0 ? '−' : '+'}${milliseconds(Math.abs(us))}`;
}

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
  'cpu-starved': '~ pod starved',
  'cpu-recovered': '✓ pod no longer starved',
  'probe-failed': '✕ external probe failed',
  'probe-recovered': '✓ external probe recovered',
};

/** Events and annotations in the order of time. */
function timelineSection({ events, annotations, ranges }: ReportData): Markup {
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

/** Text that is HTML already; everything else is escaped. Made by `html` alone. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: a string or number is escaped, `Markup` and lists of it are not, null is nothing. */
type Part = string | number | Markup | readonly Markup[] | null;

/**
 * A template of HTML whose parts are escaped, so that no name can be markup. Control characters and those that turn the
 * direction of text are shown as a replacement character: a name must not rearrange what stands beside it.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? '';
  for (const [i, part] of parts.entries()) text += textOf(part) + (strings[i + 1] ?? '');
  return new Markup(text);
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(({ text }) => text).join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as it may stand between tags and within a quoted attribute. */
function escaped(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
  return shown.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}

/** A name from outside, kept apart from the direction of the text around it. */
function name(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}

/** The matrix of each range as a picture, in pieces: a picture of a large mesh is long. */
function* picturesSection(report: ReportData, pictures: ReportPictures): Generator<string> {
  yield '<section><h2>The matrix</h2><div class="pictures">';
  for (const name of RANGES) {
    const [range, figures, png] = [report.ranges[name], report.figures.all[name], pictures[name]];
    if (range === null || figures === null) continue;
    const words = `${name}, ${clock(range.fromMs)} to ${clock(range.toMs)}`;
    const { links, failed, slow } = figures;
    const seen = `${counted(links, 'link')}, ${failed} failed, ${slow} slow, median ${milliseconds(figures.p50Us)}`;
    if (png === null) {
      yield html`<figure><figcaption>${words}: ${seen}. The picture is left out: it is too large.</figcaption></figure>`
        .text;
      continue;
    }
    const { width, height } = sizeOf(png);
    // Large cells are for screens that scroll; here three pictures share a page.
    yield html`<figure><img width="${width}" height="${height}" alt="Heatmap ${words}: ${seen}" src="data:image/png;base64,`
      .text;
    yield Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString('base64');
    yield html`"><figcaption>${words}: ${seen}</figcaption></figure>`.text;
  }
  yield '</div><p class="third">Column: from, row: to; the colour is the median of the range, or that a probe failed.</p></section>';
}

/** Width and height of a PNG, px: the first eight bytes of its IHDR chunk. */
function sizeOf(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return png.byteLength < 24 ? { width: 1, height: 1 } : { width: view.getUint32(16), height: view.getUint32(20) };
}

/** What is not known. */
function unknownSection({ unknown }: ReportData): Markup {
  const items = unknown.map((sentence) => html`<li>${sentence}</li>`);
  const all = html`<p>Nothing that was asked for is missing.</p>`;
  return html`<section><h2>What is not known</h2>${items.length === 0 ? all : html`<ul>${items}</ul>`}</section>`;
}

/** How the figures are counted, and of which settings. */
function howSection({ cluster }: ReportData): Markup {
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
