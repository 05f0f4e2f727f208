import { FIGURES } from '../../web/model/figures.ts';
import type { MeshOptions, Scenario } from '../support/feed/plan.ts';

/** One picture of the page. */
export interface Shot {
  /** File name without `.png`. */
  name: string;
  mesh: MeshOptions;
  /** What follows `#` in the address. */
  hash: string;
  isDark: boolean;
  /** Size of the window, CSS px. */
  width: number;
  height: number;
  /** Device px per CSS px, of a page that is zoomed. */
  zoom: number;
}

const VIEWS = ['graph', 'heatmap'] as const;
/** From a healthy pod to the slow one of four: the link that explains the slow row. */
const SLOW_LINK = 'from=uid-0000&to=uid-0003';

const USUAL = { isDark: false, width: 1440, height: 900, zoom: 1 };
const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const MANY: MeshOptions = { pods: 120, scenario: 'mixed' };

/** The pictures that README and docs show. */
export const KEPT: readonly Shot[] = [
  { ...USUAL, name: 'graph', mesh: FOUR, hash: `view=graph&${SLOW_LINK}` },
  { ...USUAL, name: 'heatmap', mesh: FOUR, hash: 'view=heatmap' },
  { ...USUAL, name: 'graph-large', mesh: { pods: 120, scenario: 'dead-node' }, hash: 'view=graph' },
  { ...USUAL, name: 'heatmap-large', mesh: MANY, hash: 'view=heatmap', isDark: true },
];

/** The sizes of the tour. With more pods than `MOST_PROBED`, each probes only that many others, as such clusters are run. */
const SIZES = [4, 12, 30, 60, 120, 300, 1000, 5000] as const;
const MOST_PROBED = 1000;
const FAULTS: readonly Scenario[] = ['healthy', 'dead-pod', 'dead-node', 'slow-pod', 'zone-cut', 'one-way', 'lossy'];
/** Sizes of a window that leave little room: small, high or wide, and zoomed to 200 %. */
const WINDOWS = [
  { name: '1120x700', width: 1120, height: 700, zoom: 1 },
  { name: '200-percent', width: 720, height: 450, zoom: 2 },
  { name: '390', width: 390, height: 844, zoom: 2 },
  { name: '768', width: 768, height: 1024, zoom: 1 },
  { name: '2560', width: 2560, height: 1300, zoom: 1 },
] as const;

/** What the page can look like, as far as it is worth looking at: every size with every fault, every window, every state. */
export function tour(): Shot[] {
  const bySize = SIZES.flatMap((pods) =>
    FAULTS.flatMap((scenario) =>
      both(`${pods}-${scenario}`, meshWith(pods, scenario), pods > 1000 ? '&level=node' : ''),
    ),
  );
  // A DaemonSet: each pod is alone on its node.
  const daemons = [30, 120, 300].flatMap((pods) =>
    FAULTS.flatMap((scenario) => both(`daemons-${pods}-${scenario}`, { ...meshWith(pods, scenario), nodes: pods })),
  );
  const windows = WINDOWS.flatMap(({ name, ...size }) =>
    [4, 12, 30, 120].flatMap((pods) =>
      both(`${name}-${pods}`, meshWith(pods, pods === 4 ? 'slow-pod' : 'dead-node')).map((shot) => ({
        ...shot,
        ...size,
      })),
    ),
  );
  const scenarios: Scenario[] = ['lifecycles', 'outcomes', 'hostile', 'missing-reports', 'starved', 'probes'];
  return [
    ...bySize,
    ...daemons,
    ...windows,
    ...scenarios.flatMap((scenario) => both(`8-${scenario}`, { pods: 8, scenario })),
    ...both('4-lossy-link', { pods: 4, scenario: 'lossy' }, `&${SLOW_LINK}`),
    ...[30, 120].flatMap((pods) => [
      ...both(`${pods}-lossy-link`, { pods, scenario: 'lossy-link' }, '&level=pod'),
      ...both(`${pods}-lossy-link-by-node`, { pods, scenario: 'lossy-link' }, '&level=node'),
    ]),
    ...both('mixed-120', MANY),
    ...both('mixed-1000', { pods: 1000, scenario: 'mixed' }),
    ...both('link', FOUR, `&${SLOW_LINK}`),
    ...both('pod', { pods: 4, scenario: 'dead-pod' }, '&pod=uid-0003'),
    ...both('table', FOUR, '&table=1'),
    ...FIGURES.flatMap((figure) =>
      [12, 120].flatMap((pods) => {
        const mesh = meshWith(pods, figure === 'loss' ? 'lossy' : 'mixed');
        const shots = both(`${figure}-${pods}`, mesh, `&level=pod&value=${figure}`);
        return shots.filter(({ hash }) => hash.startsWith('view=heatmap'));
      }),
    ),
  ];
}

function meshWith(pods: number, scenario: Scenario): MeshOptions {
  return { pods, scenario, pingNumber: pods > MOST_PROBED ? MOST_PROBED / 10 : 0 };
}

/** A mesh in both views, light and dark. */
function both(name: string, mesh: MeshOptions, more = ''): Shot[] {
  return VIEWS.flatMap((view) =>
    [false, true].map((isDark) => ({
      ...USUAL,
      name: `${name}-${view}-${isDark ? 'dark' : 'light'}`,
      mesh,
      hash: `view=${view}${more}`,
      isDark,
    })),
  );
}
