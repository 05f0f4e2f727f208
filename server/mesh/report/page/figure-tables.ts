import type { ChangedLink, ReportData, ReportFigures } from '../../../contract/report.ts';
import { RANGES } from '../each-link.ts';
import { counted } from '../names.ts';
import { milliseconds } from '../times.ts';
import { html, type Markup, name } from './markup.ts';

/** Less than what two figures of a millisecond can show. */
const LEAST_US = 5;

const GROUPS = [
  ['all', 'All links'],
  ['affected', 'Affected links'],
  ['others', 'All other links'],
] as const;

/** Before, during and after: how many links, how many of them bad, how fast. */
export function figuresSection({ figures, cluster }: ReportData): Markup {
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
export function changedSection({ changed, unlisted, cluster }: ReportData): Markup {
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
  const look = failures > 0 ? ' dead' : p50Us >= slowUs ? ' bad' : '';
  return html`<td class="n${look}">${milliseconds(p50Us)}${failed === '' ? null : html`<br>${failed}`}</td>`;
}

function changeOf(before: ChangedLink['before'], during: ChangedLink['during']): string {
  if (before === null || during === null || before.p50Us < 0 || during.p50Us < 0) return '–';
  const us = during.p50Us - before.p50Us;
  return `${us < 0 ? '−' : '+'}${milliseconds(Math.abs(us))}`;
}
