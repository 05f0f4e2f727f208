import { createHash } from 'node:crypto';
import {
  type Change,
  type ChangedLink,
  type LinkSummary,
  medianChangeUs,
  qualityNotes,
  RANGE_NAMES,
  type RangeFigures,
  type ReportData,
} from '../../protocol/comparison.ts';
import { type MeshEvent, successorName } from '../../protocol/event.ts';
import { isLossy, isSlow } from '../../protocol/link-state.ts';
import type { PodNamer } from '../../protocol/pod-names.ts';
import { MAX_VIOLATIONS } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { durationText, latencyText } from '../../runtime/measure-text.ts';
import { dateText, isoText, listText, percent, timeText } from '../text.ts';
import { html, type Markup, nameMarkup } from './html.ts';
import { affectedText, lossText, lostPodText } from './messages.ts';
import type { ReportPictures } from './report-pictures.ts';
import { REPORT_STYLE } from './report-style.ts';

const STYLE_HASH = createHash('sha256').update(REPORT_STYLE).digest('base64');

/** The Content-Security-Policy of a report: only its own pictures and its own style. It has no script. */
export const REPORT_POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** The report as one HTML file that needs no other file. Yields it in pieces, because its pictures can be large. */
export function* reportPage(report: ReportData, pictures: ReportPictures, nameOf: PodNamer): Generator<string> {
  yield headOf(report);
  yield intro(report).text;
  yield verdictSection(report).text;
  yield keyFigures(report).text;
  yield lostSection(report)?.text ?? '';
  yield findingsSection(report).text;
  yield* picturesSection(report, pictures);
  yield figuresSection(report).text;
  yield changedSection(report).text;
  yield eventsSection(report, nameOf).text;
  yield unknownSection(report).text;
  yield methodSection(report).text;
  yield '</main></body></html>\n';
}

/** The policy is in the file, too, because a file that is opened from a disk has no HTTP headers. */
function headOf(report: ReportData): string {
  const policy = html`<meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}">`;
  const title = html`<title>${report.title}</title>`;
  const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">';
  const head = `<meta charset="utf-8">${policy.text}${viewport}${title.text}<style>${REPORT_STYLE}</style>`;
  return `<!DOCTYPE html>\n<html lang="en"><head>${head}</head><body><main>`;
}

function intro({ title, ranges, generatedAtMs, servedBy, cluster }: ReportData): Markup {
  const { fromMs, toMs } = ranges.during;
  return html`<header><h1>${title}</h1>
<p class="second">${dateText(fromMs)}, <time datetime="${isoText(fromMs)}">${timeText(fromMs)}</time> to
<time datetime="${isoText(toMs)}">${timeText(toMs)}</time> UTC (${durationText(toMs - fromMs)}) · ${plural(cluster.pods, 'pod')} of
<code>${cluster.labelSelector}</code>${cluster.namespace === '' ? '' : ' in '}${nameMarkup(cluster.namespace)}</p>
<p class="third">Made by goldpinger-ts ${cluster.version} on ${nameMarkup(servedBy)}, ${dateText(generatedAtMs)}
${timeText(generatedAtMs)} UTC. All times are UTC, by the clock of that pod.</p></header>`;
}

const VERDICT_HEADINGS = {
  pass: '✓ The hypothesis held',
  fail: '✕ The hypothesis failed',
  unknown: '? It is not known whether the hypothesis held',
} as const;
const CLAUSE_MARKS = { pass: '✓ pass', fail: '✕ fail', unknown: '? unknown' } as const;

function verdictSection({ verdict }: ReportData): Markup {
  const clauses = verdict.expect.map(
    (clause, i) => html`<li><code>${clause}</code> – ${CLAUSE_MARKS[verdict.clauses[i] ?? 'unknown']}</li>`,
  );
  // A verdict lists at most MAX_VIOLATIONS of them.
  const missing = verdict.missing_reports.length;
  const missingPods = `${missing < MAX_VIOLATIONS ? '' : 'at least '}${plural(missing, 'pod')}`;
  return html`<section class="verdict ${verdict.verdict}" aria-labelledby="verdict">
<h2 class="headline" id="verdict">${VERDICT_HEADINGS[verdict.verdict]}</h2>
${verdict.reason === '' ? null : html`<p>${verdict.reason}</p>`}<ul>${clauses}</ul>
<p class="second">Judged over ${plural(verdict.links_checked, 'link')} and ${plural(verdict.samples, 'sample')} of the range
"during"; ${verdict.links_failed} failed${missing === 0 ? '' : `; ${missingPods} did not report`}.</p>
${violationsTable(verdict)}</section>`;
}

function violationsTable({ violations }: ReportData['verdict']): Markup | null {
  if (violations.length === 0) return null;
  const rows = violations.map(
    (one) => html`<tr><td class="free">${nameMarkup(one.from)} → ${nameMarkup(one.to)}</td><td>${one.found}</td>
<td class="free"><code>${one.clause}</code></td><td class="n">${countText(one.samples)}</td></tr>`,
  );
  const caption = `Links that violate the hypothesis${violations.length < MAX_VIOLATIONS ? '' : ` (at most ${MAX_VIOLATIONS} are listed)`}`;
  return table('Violations', caption, ['Link', 'Found', 'Expected', '#Samples'], html`<tbody>${rows}</tbody>`);
}

/** A table that scrolls sideways, also by keyboard. `heads`: of its columns; one of numbers has a `#` before its heading. */
function table(label: string, caption: string, heads: readonly string[], body: Markup | readonly Markup[]): Markup {
  const cells = heads.map((head) =>
    head.startsWith('#') ? html`<th scope="col" class="n">${head.slice(1)}</th>` : html`<th scope="col">${head}</th>`,
  );
  return html`<div class="wide" tabindex="0" role="region" aria-label="${label}"><table><caption>${caption}</caption>
<thead><tr>${cells}</tr></thead>${body}</table></div>`;
}

function section(heading: string, content: Markup | readonly Markup[]): Markup {
  return html`<section><h2>${heading}</h2>${content}</section>`;
}

function keyFigures({ keyFigures: figures, targets }: ReportData): Markup {
  const cards = figures.map(
    ({ name, value, note }) =>
      html`<div><dt>${name}</dt><dd class="value">${value}</dd><dd class="third">${note}</dd></div>\n`,
  );
  const target = targets.count === 0 ? 'not known' : nameMarkup(listText(targets));
  return html`<h2>Key figures</h2><dl class="figures">
${cards}</dl><p class="second">Target: ${target} (${TARGET_SOURCES[targets.by]}).</p>`;
}

const TARGET_SOURCES = {
  hypothesis: 'named by the hypothesis',
  finding: 'named by the gravest new finding',
  'most-affected': 'with the most affected links',
  none: 'no pod has clearly more affected links than the others',
} as const;

function lostSection({ lostPods: { count, pods } }: ReportData): Markup | null {
  if (count === 0) return null;
  const items = pods.map((pod) => html`<li>${lostPodText(pod)}</li>`);
  const head = `${plural(count, 'pod')} left in the range "during" or in the half minute before it${count > pods.length ? `, the first ${countText(pods.length)}` : ''}`;
  return section('Pods lost', html`<p>${head}:</p><ul>${items}</ul>`);
}

/** The findings at the end of the range "during", the gravest first. */
function findingsSection({ findings, affected }: ReportData): Markup {
  const items = findings.map(({ severity, title, before, detail }) => {
    const second = detail === '' ? null : html`<p class="second">${detail}</p>`;
    return html`<div class="finding ${severity}"><p><span class="tag">${severity}</span>
<strong>${title}</strong>${before ? ' (also before)' : ''}</p>
${second}</div>`;
  });
  // The findings are those at the end of the range. A fault that was over by then must still be mentioned.
  const noFindings = affected.links === 0 ? 'None' : `None at the end of the range, but ${affectedText(affected)}`;
  return section('Findings in the range "during"', items.length === 0 ? html`<p>${noFindings}.</p>` : items);
}

/** The mesh of each range as a picture, in pieces, because the picture of a large mesh is long. */
function* picturesSection(report: ReportData, pictures: ReportPictures): Generator<string> {
  yield '<section><h2>The mesh</h2><div class="pictures">';
  for (const name of RANGE_NAMES) {
    const range = report.ranges[name];
    const figures = report.figures.all[name];
    const png = pictures[name];
    if (range === null || figures === null) continue;
    const { links, failed, slow, p50Us } = figures;
    const when = `${name}, ${timeText(range.fromMs)} to ${timeText(range.toMs)}`;
    const caption = `${when}: ${plural(links, 'link')}, ${countText(failed)} failed, ${countText(slow)} slow, median ${latencyText(p50Us)}`;
    if (png === null) {
      yield html`<figure><figcaption>${caption}. The picture is left out, because it is too large.</figcaption></figure>`
        .text;
      continue;
    }
    const file = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
    // Width and height, px, are in the first chunk of a PNG, IHDR.
    const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
    yield html`<figure><img width="${width}" height="${height}" alt="Heatmap ${caption}" src="data:image/png;base64,`
      .text;
    yield file.toString('base64');
    yield html`"><figcaption>${caption}</figcaption></figure>`.text;
  }
  yield '</div><p class="third">Column: source; row: destination. The colour shows the median of the range, or that a probe failed.</p></section>';
}

const GROUPS = [
  ['all', 'All links'],
  ['affected', 'Affected links'],
  ['others', 'All other links'],
] as const;

function figuresSection({ figures, cluster }: ReportData): Markup {
  const groups = GROUPS.map(([group, heading]) => {
    const rows = RANGE_NAMES.map((range) => figuresRow(range, figures[group][range]));
    return html`<tbody><tr><th scope="rowgroup" colspan="7">${heading}</th></tr>${rows}</tbody>`;
  });
  const slow = `Slow: links with a median of ${cluster.slowLinkMs} ms or more.`;
  const medians = "p50, p95 and max: the median over links of each link's own figure.";
  const caption = `Failed: links with a failed probe. ${slow} ${medians}`;
  const heads = ['Range', '#Links', '#Failed', '#Slow', '#p50', '#p95', '#Max'];
  return section('Before, during, after', table('Before, during, after', caption, heads, groups));
}

function figuresRow(range: string, figures: RangeFigures | null): Markup {
  if (figures === null) return html`<tr><th scope="row">${range}</th><td colspan="6">not known</td></tr>`;
  const { links, failed, slow, p50Us, p95Us, maxUs } = figures;
  const bad = (count: number, style: string) =>
    html`<td class="n${count > 0 ? ` ${style}` : ''}">${countText(count)}</td>`;
  const times = [p50Us, p95Us, maxUs].map((us) => html`<td class="n">${latencyText(us)}</td>`);
  return html`<tr><th scope="row">${range}</th><td class="n">${countText(links)}</td>${bad(failed, 'dead')}${bad(slow, 'bad')}${times}</tr>`;
}

/** The page lists at most this many changed links; the JSON has more. */
const MAX_LISTED = 50;
/** A change of less than this is not visible with the digits of `latencyText`. */
const MIN_VISIBLE_US = 5;

/** The words after each number in the sentence "Links by change: 3 slower, 1 gone.", bad changes first. */
const CHANGE_COUNTS: readonly (readonly [Change, string])[] = [
  ['new-bad', 'new and bad'],
  ['fails-more', 'with more failures'],
  ['still-fails', 'still failing'],
  ['slower', 'slower'],
  ['loses-more', 'with more datagrams lost'],
  ['recovered', 'recovered'],
  ['faster', 'faster'],
  ['new', 'new'],
  ['gone', 'gone'],
  ['unknown', 'without data in one range'],
];

function changedSection({ changed, changes, unlisted, cluster }: ReportData): Markup {
  const heading = 'Links that changed most';
  const listed = changed.slice(0, MAX_LISTED);
  const counts = CHANGE_COUNTS.flatMap(([change, name]) =>
    changes[change] > 0 ? `${countText(changes[change])} ${name}` : [],
  );
  const countsText = counts.length === 0 ? '' : `Links by change: ${counts.join(', ')}. `;
  const summary = `${countsText}${othersText(changed.slice(MAX_LISTED), unlisted, listed.length > 0)}`;
  if (listed.length === 0) return section(heading, html`<p>No link changed. ${summary}</p>`);
  const caption =
    'Each cell has the median of the link and, if there is something to say: the median as a multiple of the usual latency of the link (if it differs by 5 % and 0.5 ms or more), the jitter (from 0.5 ms on), how many probes failed, how many datagrams were lost. "Collateral" is an affected link that touches no target.';
  const heads = ['Link', '#Before', '#During', '#After', '#Change', 'State'];
  const rows = listed.map((link) => changedRow(link, cluster.slowLinkMs * 1000));
  const body = html`<tbody>${rows}</tbody>`;
  return section(heading, [table(heading, caption, heads, body), html`<p class="second">${summary}</p>`]);
}

/** How much the links changed that are not in the table: `beyond` (no room there) and `unlisted` (not in the report). */
function othersText(beyond: readonly ChangedLink[], unlisted: ReportData['unlisted'], hasTable: boolean): string {
  const count = unlisted.links + beyond.filter(({ before }) => before !== null).length;
  if (count === 0) return '';
  const maxUs = Math.max(unlisted.maxChangeUs, ...beyond.map((link) => Math.abs(medianChangeUs(link) ?? 0)));
  const which = `The ${plural(count, hasTable ? 'other link' : 'link')} known before and during`;
  return maxUs < MIN_VISIBLE_US ? `${which} did not change.` : `${which} changed by at most ${latencyText(maxUs)}.`;
}

function changedRow(link: ChangedLink, slowUs: number): Markup {
  const state = !link.affected ? 'changed' : link.touchesTarget ? 'affected' : 'collateral';
  const changeUs = medianChangeUs(link);
  let change = link.change === 'new-bad' ? 'new' : '–';
  if (changeUs !== null) change = `${changeUs < 0 ? '−' : '+'}${latencyText(Math.abs(changeUs))}`;
  if (link.change === 'loses-more') change = 'more lost';
  const cells = RANGE_NAMES.map((range) => linkCell(link[range], slowUs));
  return html`<tr><th scope="row" class="free">${nameMarkup(link.from)} → ${nameMarkup(link.to)}${link.ipv6 ? ' (IPv6)' : ''}</th>
${cells}<td class="n">${change}</td><td><span class="tag">${state}</span></td></tr>`;
}

function linkCell(link: LinkSummary | null, slowUs: number): Markup {
  if (link === null) return html`<td class="n">no sample</td>`;
  const { samples, failures, p50Us } = link;
  const { jitterUs, timesUsual } = qualityNotes(link);
  const failed =
    failures === 0
      ? ''
      : `${countText(failures)} of ${countText(samples)} failed, ${percent(samples - failures, samples)} ok`;
  if (p50Us < 0) return html`<td class="n dead"><span class="note">${failed || '–'}</span></td>`;
  const { sent = 0, lost = 0, lossCycles = 0 } = link;
  const style = failures > 0 ? ' dead' : isSlow(p50Us, slowUs) || isLossy({ sent, lost, lossCycles }) ? ' bad' : '';
  const note = (text: string, style = '') => html`<br><span class="note${style}">${text}</span>`;
  const loss = lost === 0 ? null : note(`${lossText(link)} of datagrams lost`);
  const usual = timesUsual < 0 ? null : note(`${timesUsual.toFixed(timesUsual < 9.95 ? 1 : 0)} × the usual`, ' second');
  const jitter = jitterUs < 0 ? null : note(`jitter ${latencyText(jitterUs)}`, ' second');
  return html`<td class="n${style}">${latencyText(p50Us)}${usual}${jitter}${failed === '' ? null : note(failed)}${loss}</td>`;
}

function eventsSection({ events, annotations, ranges }: ReportData, nameOf: PodNamer): Markup {
  const ofEvents = events.map((event) => eventRow(event, nameOf));
  const rows = [...ofEvents, ...annotations.map(annotationRow)].sort((a, b) => a.atMs - b.atMs);
  if (rows.length === 0) return section('What happened', html`<p>No event and no annotation.</p>`);
  // Ranges may have gaps between them.
  const rangeAt = (atMs: number) =>
    (['during', 'before', 'after'] as const).find((name) => {
      const { fromMs = Infinity, toMs = 0 } = ranges[name] ?? {};
      return fromMs <= atMs && atMs <= toMs;
    }) ?? '–';
  const body = rows.map(({ atMs, title, subject, detail }) => {
    const time = html`<time datetime="${isoText(atMs)}">${timeText(atMs)}</time>`;
    return html`<tr><td class="t">${time}</td><td>${rangeAt(atMs)}</td><td class="t">${title}</td><td class="free">${subject}</td><td class="free">${detail}</td></tr>`;
  });
  const caption = `${plural(events.length, 'event')} and ${plural(annotations.length, 'annotation')}`;
  const heads = ['Time', 'Range', 'What', 'Who', 'How'];
  return section('What happened', table('Events and annotations', caption, heads, html`<tbody>${body}</tbody>`));
}

function eventRow(event: MeshEvent, nameOf: PodNamer) {
  const { atMs, kind, pod, outcome, phase, totalUs, starved, detail } = event;
  const facts = [
    outcome === null || outcome === 'ok' ? '' : `${outcome}${phase === null ? '' : ` (${phase})`}`,
    starved === undefined ? '' : `while the ${starved === 'source' ? 'probing ' : ''}pod was short of CPU`,
    totalUs < 0 || !kind.startsWith('link-') ? '' : latencyText(totalUs),
    kind === 'pod-replaced' && detail !== '' ? `by ${successorName(event, nameOf)}` : detail,
  ];
  return {
    atMs,
    title: kind.replaceAll('-', ' '),
    subject: pod === null ? html`–` : html`${nameMarkup(nameOf(pod))}${sourceMarkup(event, nameOf)}`,
    detail: html`${facts.filter((fact) => fact !== '').join(', ')}`,
  };
}

function sourceMarkup({ kind, pod, from, fromCount }: MeshEvent, nameOf: PodNamer): Markup | null {
  const [first] = from;
  // What only one pod says of another is marked: that pod may be wrong, or lie.
  const isClaim = kind.startsWith('pod-') && fromCount === 1 && first !== undefined && first.uid !== pod?.uid;
  if (isClaim) return html` (only ${nameMarkup(nameOf(first))} says)`;
  if (!kind.startsWith('link-') || fromCount === 0) return null;
  return html` from ${fromCount === 1 && first !== undefined ? nameMarkup(nameOf(first)) : plural(fromCount, 'pod')}`;
}

function annotationRow({ fromMs, toMs, text, tags }: ReportData['annotations'][number]) {
  return {
    atMs: fromMs,
    title: `annotation${toMs === null ? '' : ` until ${timeText(toMs)}`}`,
    subject: nameMarkup(text),
    detail: html`${tags.map((tag) => html`<span class="tag">${tag}</span> `)}`,
  };
}

function unknownSection({ unknown }: ReportData): Markup {
  const items = unknown.map((sentence) => html`<li>${sentence}</li>`);
  const list = items.length === 0 ? html`<p>Nothing is missing.</p>` : html`<ul>${items}</ul>`;
  return section('What is not known', list);
}

function methodSection({ cluster }: ReportData): Markup {
  return section(
    'How it is counted',
    html`<p>An affected link became worse from "before" to "during". Either probes failed, and at least twice as large a share of them
as before; or its median is ${cluster.slowLinkMs} ms or more, and at least twice as long as before; or it loses datagrams, and at
least twice as large a share of them as before. A link without samples before is affected if it failed, is slow or loses datagrams. Affected links are counted among all links with a sample
during.</p>
<p>The time to detect runs from the start of the fault (the first annotation after "before" and at most half a minute before "during", else the start
of "during") to the first event of a link that fails, is slow or loses datagrams. The time to recover runs from the end of the fault (the end of that annotation, else
the end of "during") to the last event of a link that is well again. If pods were lost that had to be replaced, it runs from
the loss until the replacement was ready and every link to it ok.</p>
<dl class="facts"><dt>Ping interval</dt><dd>${durationText(cluster.refreshIntervalMs)}</dd>
<dt>Ping timeout</dt><dd>${cluster.pingTimeoutMs} ms</dd><dt>Slow from</dt><dd>${cluster.slowLinkMs} ms</dd></dl>`,
  );
}
