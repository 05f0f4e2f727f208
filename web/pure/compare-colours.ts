/** How many steps a colour takes from "same" to the most that changed. */
const STEPS = 12;

/** The contrast that words need (WCAG 2, AA). */
const LEAST_CONTRAST = 4.5;

/** Colours of changes: `at(-1)` is the most that anything became faster, `at(1)` slower, `at(0)` the same. */
export interface ChangeColours {
  /** The fill of a cell. */
  at(share: number): string;
  /** What can be read on it. */
  inkAt(share: number): string;
}

/** Mixes the colours of changes from three tokens, `#rrggbb` each; `text`: the usual ink, kept where it can be read. */
export function changeColours(same: string, slower: string, faster: string, text: string): ChangeColours {
  const mixed = (end: string) =>
    Array.from({ length: STEPS + 1 }, (_, step) => {
      const fill = mix(same, end, step / STEPS);
      return { fill, ink: inkOn(fill, text) };
    });
  const [up, down] = [mixed(slower), mixed(faster)];
  const stepOf = (share: number) => (share < 0 ? down : up)[Math.round(Math.min(1, Math.abs(share)) * STEPS)];
  return { at: (share) => stepOf(share)?.fill ?? same, inkAt: (share) => stepOf(share)?.ink ?? text };
}

/** Half way between two colours neither end's ink can be read: one of white and black always can. */
function inkOn(fill: string, text: string): string {
  const ground = luminance(fill);
  const contrast = (ink: string) => {
    const own = luminance(ink);
    return (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
  };
  return [text, '#ffffff'].find((ink) => contrast(ink) >= LEAST_CONTRAST) ?? '#000000';
}

/** Relative luminance (WCAG 2) of `#rrggbb`, 0..1. */
function luminance(hex: string): number {
  const part = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

function mix(from: string, to: string, share: number): string {
  const part = (at: number) => {
    const [a, b] = [from, to].map((hex) => Number.parseInt(hex.slice(at, at + 2), 16));
    return Math.round((a ?? 0) + ((b ?? 0) - (a ?? 0)) * share)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(1)}${part(3)}${part(5)}`;
}

/**
 * Where a change (us) lies between the same (0) and the most that changed (-1 or 1): by the square root, so that what
 * changed by a tenth is still seen. Below a tenth of a millisecond everything is the same.
 */
export function changeShare(deltaUs: number, mostUs: number): number {
  if (!(Math.abs(deltaUs) >= 100)) return 0;
  return Math.sign(deltaUs) * Math.sqrt(Math.min(1, Math.abs(deltaUs) / Math.max(1000, mostUs)));
}
