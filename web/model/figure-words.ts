import { MIN_CHANGE_US, USUAL } from '../../server/protocol/link-quality.ts';
import { LOSSY, type Thresholds } from '../../server/protocol/link-state.ts';
import { lossWindowMs } from '../../server/protocol/udp.ts';
import { countText, plural } from '../../server/runtime/count-text.ts';
import { durationText, latencyText } from '../../server/runtime/measure-text.ts';
import { FIGURE_LIMITS, FIGURE_WINDOWS_MS, type Figure, timesUsual } from './figures.ts';
import type { LinkFacts } from './link-facts.ts';
import type { LinkState } from './links.ts';
import type { Picture } from './mesh-view.ts';
import { stateNote } from './messages.ts';

/** The names of the values of the heatmap that are not latencies, as in the menu and in the head of the table. */
export const FIGURE_NAMES: Record<Figure, string> = {
  failed: 'Failed %',
  jitter: 'Jitter',
  loss: 'Loss %',
  usual: 'Compared with usual',
};

export const FIGURE_CHOICES: Record<Figure, string> = {
  failed: `Failed %, ${windowText('failed')}`,
  jitter: `Jitter, ${windowText('jitter')}`,
  loss: FIGURE_NAMES.loss,
  usual: `Compared with usual, ${windowText('usual')}`,
};

function windowText(figure: Figure): string {
  return durationText(FIGURE_WINDOWS_MS[figure]);
}

/** The counts or latencies behind a figure of a link: "1 of 10 pings failed"; '' if they are not known. */
export function figureDetail(figure: Figure, { stats, udp }: LinkFacts): string {
  if (figure === 'loss') return udp === null ? '' : `${countText(udp.lost)} of ${plural(udp.sent, 'datagram')} lost`;
  if (stats === null) return '';
  if (figure === 'failed')
    return stats.counted === 0 ? '' : `${countText(stats.failures)} of ${plural(stats.counted, 'ping')} failed`;
  if (stats.p50Us < 0) return '';
  if (figure === 'jitter') return `p50 ${latencyText(stats.p50Us)}`;
  if (timesUsual(stats.p50Us, stats.usualUs) < 0) return '';
  return `now ${latencyText(stats.p50Us)}, usually ${latencyText(stats.usualUs)}`;
}

/** Why a figure of an answered link is not known. */
export const UNMEASURED: Record<Figure, string> = {
  failed: 'no pings',
  jitter: 'fewer than two answers',
  loss: 'no datagrams',
  usual: `under ${USUAL.historyMs / 60_000} min of history`,
};

/** The explanation of a state in the legend of a value: its limits, or why there is no value. `failedBy`: see `stateNote`. */
export function stateLimits(
  { figure, mesh }: Pick<Picture, 'figure' | 'mesh'>,
  state: LinkState,
  thresholds: Thresholds,
  failedBy: string,
): string {
  if (figure !== null && state === 'not-probed') return UNMEASURED[figure];
  if (figure === null || figure === 'jitter' || !RANGED.includes(state))
    return stateNote(state, thresholds, mesh.settings.goneRetentionMs, failedBy);
  const isRatio = figure === 'usual';
  const [fair, warning, high] = FIGURE_LIMITS[figure].map((limit) => (isRatio ? limit : 100 * limit));
  const unit = isRatio ? '×' : '%';
  if (state === 'slow') return `≥ ${high} ${unit}`;
  if (state === 'warning') return `${warning}–${high} ${unit}`;
  if (isRatio) return state === 'good' ? `< ${fair} ×` : `${fair}–${warning} ×`;
  if (state === 'good') return 'none';
  return figure === 'loss' ? `< ${warning} % or < ${LOSSY.datagrams} datagrams` : `< ${warning} %`;
}

const RANGED: readonly LinkState[] = ['good', 'fair', 'warning', 'slow'];

export function figureExplained(figure: Figure, { mesh }: Pick<Picture, 'mesh'>): string {
  const { settings, windowMs } = mesh;
  if (figure === 'loss') {
    const time = durationText(lossWindowMs(settings.refreshIntervalMs));
    return `The share of datagrams of the last ${time} that were lost while pings worked. It needs the UDP probe (UDP_ENABLED).`;
  }
  if (windowMs === 0) return 'Waiting for statistics.';
  const time = durationText(windowMs);
  if (figure === 'failed')
    return `The share of pings that failed in ${time}. A link that fails now is shown as failed, whatever its share.`;
  if (figure === 'jitter')
    return `The mean difference between one answer and the next in ${time}. Colours follow the thresholds below.`;
  return `The median of ${time}, divided by the median of the kept history of the link (at most ${durationText(settings.historyWindowMs)}). A link that is always slow is at 1 ×. Less than ${latencyText(MIN_CHANGE_US)} more is good.`;
}
