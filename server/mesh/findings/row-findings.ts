import type { DiscoveryStatus } from '../../contract/discovery.ts';
import { type Finding, type FindingKind, MAX_FINDING_PODS } from '../../contract/finding.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import type { Told } from './told.ts';
import { inMs, percent } from './words.ts';

/** More rows than this of one kind are one finding. */
const MAX_ALONE = 3;

/** What every finding has that is not about links. */
function finding(kind: FindingKind, subject: string, pods: number[], words: Partial<Finding>): Finding {
  const severity = kind === 'row-starved' ? 'suspect' : 'unknown';
  return {
    ...{ kind, severity, subject, pods: pods.slice(0, MAX_FINDING_PODS), from: [] },
    ...{ affected: pods.length, of: pods.length, outcome: null, phase: null },
    ...{ connectUs: -1, firstByteUs: -1, totalUs: -1, sinceMs: 0, title: subject, detail: '' },
    ...words,
  };
}

/** That the list of pods may be out of date, or was never had. */
export function apiFindings({ places }: Told, discovery: DiscoveryStatus): Finding[] {
  if (discovery.phase === 'synced') return [];
  const because = discovery.lastError === null ? '' : `, ${discovery.lastError.fault}`;
  const known = places.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  const still = known === 1 ? 'the one known pod is' : `the ${known} known pods are`;
  const never = `no list of pods since start${because}`;
  const stale = `away${because}, ${still} still pinged, the list may be out of date`;
  return [
    finding('api-away', 'Kubernetes API', [], {
      sinceMs: discovery.sinceMs,
      title: `Kubernetes API: ${discovery.phase === 'waiting' ? never : stale}`,
      detail: discovery.lastError?.message.slice(0, 300) ?? '',
    }),
  ];
}

/** Rows that are not to be trusted: each alone, or all as one if they are many. */
export function starvedFindings({ starved, places }: Told): Finding[] {
  const pods = starved.map(({ pod }) => pod);
  if (pods.length > MAX_ALONE) {
    const title = `${pods.length} of ${places.judgedCount} pods: starved, their own measurements are not to be trusted`;
    return [
      finding('row-starved', `${pods.length} pods`, pods, {
        of: places.judgedCount,
        title,
        detail: namesOf(pods, (pod) => places.name(pod)),
      }),
    ];
  }
  return starved.map(({ pod, starvation }) => {
    const late = starvation === null ? '' : `Its event loop is ${inMs(starvation.loopDelayP99Us)} late (p99), `;
    const share = starvation === null ? '' : `${percent(starvation.suspectShare, 1)} of its samples are suspect.`;
    return finding('row-starved', places.name(pod), [pod], {
      ...{ affected: 1, of: 1, sinceMs: starvation?.sinceMs ?? 0 },
      title: `${places.name(pod)}: starved, its own measurements are not to be trusted`,
      detail: `${late}${share} It accuses nobody here.`,
    });
  });
}

/** Rows that are missing though `isExplained` gives no reason for it: each alone, or all as one if they are many. */
export function missingFindings({ missing, places }: Told, isExplained: (pod: number) => boolean): Finding[] {
  const rows = missing.filter(({ pod }) => !isExplained(pod));
  if (rows.length <= MAX_ALONE) {
    return rows.map((row) =>
      finding('row-missing', places.name(row.pod), [row.pod], {
        title: `${places.name(row.pod)}: did not report, ${row.missing}: what it reaches is not known`,
        detail: row.missingDetail.slice(0, 400),
      }),
    );
  }
  const pods = rows.map(({ pod }) => pod);
  return [
    finding('row-missing', `${pods.length} pods`, pods, {
      of: places.judgedCount,
      title: `${pods.length} of ${places.judgedCount} pods: did not report, ${mostly(rows)}: what they reach is not known`,
      detail: namesOf(pods, (pod) => places.name(pod)),
    }),
  ];
}

function namesOf(pods: readonly number[], name: (pod: number) => string): string {
  const first = pods.slice(0, 4).map(name).join(', ');
  return pods.length > 4 ? `${first} and ${pods.length - 4} more.` : `${first}.`;
}

/** The commonest reason. */
function mostly(rows: readonly MeshRow[]): string {
  const counts = new Map<string, number>();
  for (const { missing } of rows) counts.set(missing, (counts.get(missing) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most === undefined ? '' : counts.size === 1 ? most[0] : `mostly ${most[0]}`;
}
