/** How a graph is drawn, depending on the number of pods. */
export interface Tier {
  /** `full`: name, node, address and health of each pod. `short`: a short name. `unhealthy`: only pods with a finding. */
  names: 'full' | 'short' | 'unhealthy';
  /** Whether all links are drawn, or only the worst. */
  allLinks: boolean;
  /**
   * Whether healthy links are drawn as bundles and the others on a canvas. More than about 150 SVG elements take longer
   * than a frame.
   */
  bundled: boolean;
  /** Radius of a pod and of an unhealthy pod, px. */
  disc: number;
  unhealthyDisc: number;
  /** Factor on the widths of links. */
  weight: number;
  bow: number;
  /** Whether pods without a shown link are left out, and arcs show the worst state instead. */
  stateOnArcs: boolean;
}

/** Height of a full label, px. */
export const FULL_LABEL = 58;

/** How to draw `n` pods (gone ones included). `narrow`: the view is below 640 px. `height`: space for labels, px. */
export function tierOf(n: number, narrow: boolean, height = Number.POSITIVE_INFINITY): Tier {
  const base = { allLinks: true, bundled: n >= 12, weight: 1, stateOnArcs: false };
  if (n <= 12) {
    const isLow = Math.ceil(n / 2) * FULL_LABEL > height;
    return {
      ...base,
      names: narrow || isLow ? 'short' : 'full',
      disc: narrow || isLow ? (n <= 6 ? 19 : 13) : 26,
      unhealthyDisc: 26,
      bow: 0.1,
    };
  }
  if (n <= 30) return { ...base, names: 'short', disc: narrow ? 9 : 14, unhealthyDisc: 14, weight: 0.7, bow: 0.03 };
  const many = {
    ...base,
    allLinks: false,
    names: 'unhealthy' as const,
    unhealthyDisc: 12,
    weight: 0.5,
    bow: 0.03,
  };
  if (n <= 160) return { ...many, disc: narrow ? 3 : 5 };
  return { ...many, disc: narrow ? 2 : 3, weight: 0.4, stateOnArcs: n > 400 };
}
