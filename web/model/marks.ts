import type { Outcome } from '../../server/protocol/sample.ts';
import type { LinkState } from './links.ts';
import type { PodHealth } from './mesh-view.ts';

/*
 * Marks as SVG path data in a box of 24 x 24, for `<path d>` and `new Path2D()`. They are stroked about 2 units wide with
 * round caps, without fill. '' = no mark.
 */
const CROSS = 'M8 8L16 16M16 8L8 16';
const CHECK = 'M7 12.5L10.5 16L17 9';
/** The mark of an unreliable measurement or a CPU-starved pod, beside the mark of its state. */
export const WAVE = 'M6 12C7.5 9 9 9 10.5 11S13.5 15 15 13S17.5 10.5 18 10.5';
/** The mark of a link that loses datagrams: a drop. */
export const DROP = 'M12 6C14.5 9.5 16 11.7 16 14A4 4 0 0 1 8 14C8 11.7 9.5 9.5 12 6Z';
const QUESTION = 'M9.3 9.6A2.8 2.8 0 1 1 13.4 12Q12 12.8 12 14.2M12 17.4V17.5';
const DOTS = 'M7 12V12.01M12 12V12.01M17 12V12.01';
const ONE_BAR = 'M8 12H16';
const TWO_BARS = 'M8 10H16M8 14H16';
const STROKE = 'M7.5 16.5L16.5 7.5';

/** The mark of each failure outcome, for cells of at least 14 px. */
const FAILURE_MARKS: Record<Exclude<Outcome, 'ok'>, string> = {
  refused: CROSS,
  timeout: 'M12 6A6 6 0 1 1 11.99 6M12 8.7V12L14.4 13.6',
  reset: 'M14.2 5.5L8.5 12.5H15.5L9.8 18.5',
  unreachable: 'M4.5 12H9.2M9.2 7.8V16.2M14.8 7.8V16.2M14.8 12H19.5',
  dns: 'M9 7.5H11.5A4.5 4.5 0 0 1 11.5 16.5H9Z',
  'http-status': 'M8.5 7.5V16.5M15.5 7.5V16.5M8.5 12H15.5',
  malformed:
    'M10 6.5C7.8 6.5 8.6 10 8.2 11Q7.9 12 7 12Q7.9 12 8.2 13C8.6 14 7.8 17.5 10 17.5' +
    'M14 6.5C16.2 6.5 15.4 10 15.8 11Q16.1 12 17 12Q16.1 12 15.8 13C15.4 14 16.2 17.5 14 17.5',
  'no-address': 'M12 6A6 6 0 1 1 11.99 6M7.8 16.2L16.2 7.8',
};

const LINK_MARKS: Record<LinkState, string> = {
  good: '',
  fair: '',
  warning: ONE_BAR,
  slow: TWO_BARS,
  failed: CROSS,
  'not-probed': 'M12 12V12.01',
  'not-yet': DOTS,
  unknown: QUESTION,
  ignored: 'M12 6A6 6 0 1 1 11.99 6M9 12H15',
  gone: STROKE,
};

export const POD_MARKS: Record<PodHealth, string> = {
  healthy: CHECK,
  failing: CROSS,
  unknown: QUESTION,
  starting: DOTS,
  'not-ready': 'M10 8.5V15.5M14 8.5V15.5',
  terminating: 'M12 7.5V16M8.5 12.8L12 16.3L15.5 12.8',
  gone: STROKE,
};

/** The mark of a link's state. For a failed link with `outcome` it is the mark of the outcome. */
export function linkMark(state: LinkState, outcome: Outcome | null = null): string {
  return state === 'failed' && outcome !== null && outcome !== 'ok' ? FAILURE_MARKS[outcome] : LINK_MARKS[state];
}

/** The filled outline of a failing pod in the same box: a regular octagon. */
export const OCTAGON = 'M8 2.5H16L21.5 8V16L16 21.5H8L2.5 16V8Z';
