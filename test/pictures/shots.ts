import type { MeshOptions, Scenario } from '../support/feed/plan.ts';

/** One picture of the page. */
export interface Shot {
  /** File name without `.png`. */
  name: string;
  mesh: MeshOptions;
  /** What follows `#` in the address. */
  hash: string;
  isDark: boolean;
  /** Width of the window, CSS px. */
  width: number;
  /** Whether it is kept in docs/pictures; the others are only looked at. */
  isKept: boolean;
}

const VIEWS = ['graph', 'heatmap'] as const;
const SIZES = [3, 30, 300] as const;
const SCENARIOS: readonly Scenario[] = ['healthy', 'dead-pod', 'slow-pod'];
/** From a healthy pod to the slow one of four: the link that explains the slow row. */
const SLOW_LINK = 'from=uid-0000&to=uid-0003';

const USUAL = { isDark: false, width: 1440, isKept: false };
const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const MANY: MeshOptions = { pods: 120, scenario: 'mixed' };

/** The pictures that README and docs show. */
const KEPT: Shot[] = [
  { ...USUAL, name: 'graph', mesh: FOUR, hash: `view=graph&${SLOW_LINK}`, isKept: true },
  { ...USUAL, name: 'heatmap', mesh: FOUR, hash: 'view=heatmap', isKept: true },
  { ...USUAL, name: 'graph-large', mesh: MANY, hash: 'view=graph', isKept: true },
  { ...USUAL, name: 'heatmap-large', mesh: MANY, hash: 'view=heatmap', isDark: true, isKept: true },
];

/** What else a page can look like, as far as it is worth looking at. */
const FURTHER: Shot[] = [
  { ...USUAL, name: 'link-dark', mesh: FOUR, hash: `view=graph&${SLOW_LINK}`, isDark: true },
  { ...USUAL, name: 'link-heatmap', mesh: FOUR, hash: `view=heatmap&${SLOW_LINK}` },
  { ...USUAL, name: 'pod', mesh: { pods: 4, scenario: 'dead-pod' }, hash: 'view=graph&pod=uid-0003' },
  { ...USUAL, name: 'graph-1000', mesh: { pods: 1000, scenario: 'mixed' }, hash: 'view=graph' },
  { ...USUAL, name: 'heatmap-1000', mesh: { pods: 1000, scenario: 'mixed' }, hash: 'view=heatmap' },
  ...VIEWS.flatMap((view) => [
    { ...USUAL, name: `${view}-phone`, mesh: FOUR, hash: `view=${view}`, width: 390 },
    {
      ...USUAL,
      name: `${view}-phone-link-dark`,
      mesh: FOUR,
      hash: `view=${view}&${SLOW_LINK}`,
      width: 390,
      isDark: true,
    },
    { ...USUAL, name: `${view}-lifecycles`, mesh: { pods: 8, scenario: 'lifecycles' } as const, hash: `view=${view}` },
    { ...USUAL, name: `${view}-outcomes`, mesh: { pods: 8, scenario: 'outcomes' } as const, hash: `view=${view}` },
    { ...USUAL, name: `${view}-hostile`, mesh: { pods: 8, scenario: 'hostile' } as const, hash: `view=${view}` },
    { ...USUAL, name: `${view}-table`, mesh: FOUR, hash: `view=${view}&table=1` },
  ]),
];

/** Every picture that `npm run screenshots` takes. */
export function allShots(): Shot[] {
  const grid = VIEWS.flatMap((view) =>
    SIZES.flatMap((pods) =>
      SCENARIOS.flatMap((scenario) =>
        [false, true].map((isDark) => ({
          ...USUAL,
          name: `${view}-${pods}-${scenario}-${isDark ? 'dark' : 'light'}`,
          mesh: { pods, scenario },
          hash: `view=${view}`,
          isDark,
        })),
      ),
    ),
  );
  return [...KEPT, ...FURTHER, ...grid];
}
