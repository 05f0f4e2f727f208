import type { ReportData, ReportMoment } from '../../../contract/report.ts';
import { counted, listed } from '../names.ts';
import { milliseconds, span } from '../times.ts';
import { worseWords } from '../title.ts';
import { html, type Markup, name } from './markup.ts';

const VERDICT_WORDS = {
  pass: '✓ The hypothesis held',
  fail: '✕ The hypothesis failed',
  unknown: '? Whether the hypothesis held is not known',
} as const;

/** The hypothesis, whether it held, and what spoke against it. */
export function verdictSection({ verdict }: ReportData): Markup {
  const marks = { pass: '✓ pass', fail: '✕ fail', unknown: '? unknown' } as const;
  const clauses = verdict.expect.map(
    (clause, i) => html`<li><code>${clause}</code> – ${marks[verdict.clauses[i] ?? 'unknown']}</li>`,
  );
  const missing = verdict.missing_rows.length;
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
export function keyFigures(report: ReportData): Markup {
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
export function findingsSection({ findings, affected }: ReportData): Markup {
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
