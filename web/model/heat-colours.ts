import { LINK_STATES, type LinkState } from './links.ts';

/** Returns the CSS colour (`#rrggbb` or `rgb(...)`) of a custom property of tokens.css. */
export type CellTokens = (name: string) => string;

/** Colours as 32-bit numbers in the byte order of `ImageData` (red first). */
export interface CellColours {
  /** Fill of a cell by index in `LINK_STATES`; the last one is the fill of hidden cells. */
  fill: Uint32Array;
  /** Colour of the mark on a cell, by index in `LINK_STATES`. */
  ink: Uint32Array;
  /** Colour of the small notch that marks an unreliable cell. */
  notch: number;
  paper: number;
}

/** Custom properties by state: the fill of a cell, and the mark on it. */
const FILLS: Record<(typeof LINK_STATES)[number], [fill: string, ink: string]> = {
  good: ['--good-cell', '--good-ink'],
  fair: ['--fair-cell', '--fair-ink'],
  warning: ['--warning-cell', '--warning-ink'],
  slow: ['--slow-cell', '--slow-ink'],
  failed: ['--failed-cell', '--failed-lattice'],
  'not-probed': ['--not-probed-cell', '--not-probed-link'],
  'not-yet': ['--not-probed-cell', '--not-probed-link'],
  unknown: ['--unknown-ground', '--unknown-hatch'],
  ignored: ['--not-probed-cell', '--not-probed-link'],
  gone: ['--hairline', '--text-third'],
};

const PAPER = '--page';

export function cellColours(token: CellTokens): CellColours {
  return {
    fill: Uint32Array.from([...LINK_STATES.map((state) => FILLS[state][0]), PAPER], (name) => packColour(token(name))),
    ink: Uint32Array.from(LINK_STATES, (state) => packColour(token(FILLS[state][1]))),
    notch: packColour(token('--suspect')),
    paper: packColour(token(PAPER)),
  };
}

/** The custom properties for fill and ink of a state, by its index in `LINK_STATES`. */
export function cellTokens(code: number): { fill: string; ink: string } {
  const [fill, ink] = FILLS[LINK_STATES[code] ?? 'unknown'];
  return { fill, ink };
}

/** The custom properties for text on a cell and its background. */
export function wordTokens(state: LinkState): { ground: string; ink: string } {
  if (state === 'gone') return { ground: '--sunken', ink: '--text-second' };
  const [ground, ink] = FILLS[state];
  if (state === 'failed') return { ground, ink: '--failed-ink' };
  const isMeasured = state === 'good' || state === 'fair' || state === 'warning' || state === 'slow';
  return isMeasured ? { ground, ink } : { ground: '--surface', ink: '--text-second' };
}

/** A CSS colour (`#rrggbb` or `rgb(...)`) as one opaque pixel, see `CellColours`; black if it cannot be parsed. */
export function packColour(css: string): number {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(css.trim());
  const parts = hex?.slice(1).map((text) => Number.parseInt(text, 16)) ?? css.match(/\d+/g)?.map(Number) ?? [];
  const [red = 0, green = 0, blue = 0] = parts;
  return ((255 << 24) | ((blue & 255) << 16) | ((green & 255) << 8) | (red & 255)) >>> 0;
}
