/** How many steps a colour takes from "same" to the most that changed. */
const STEPS = 12;

/** Fill colours of changes: `at(-1)` is the most that anything became faster, `at(1)` slower, `at(0)` the same. */
export interface ChangeColours {
  at(share: number): string;
}

/** Mixes the colours of changes from three tokens, `#rrggbb` each. */
export function changeColours(same: string, slower: string, faster: string): ChangeColours {
  const mixed = (end: string) => Array.from({ length: STEPS + 1 }, (_, step) => mix(same, end, step / STEPS));
  const [up, down] = [mixed(slower), mixed(faster)];
  return {
    at: (share) => (share < 0 ? down : up)[Math.round(Math.min(1, Math.abs(share)) * STEPS)] ?? same,
  };
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
