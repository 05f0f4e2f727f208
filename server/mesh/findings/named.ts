import type { Finding } from '../../contract/finding.ts';
import type { Mesh } from '../../contract/mesh.ts';

/** Findings for readers that have no matrix: pods by name, durations in ms. */
export function namedFindings(mesh: Pick<Mesh, 'atMs' | 'servedBy' | 'findings' | 'pods'>) {
  return {
    generated_at: new Date(Math.round(mesh.atMs)).toISOString(),
    served_by: mesh.servedBy.name,
    findings: mesh.findings.map((finding) => named(finding, mesh.pods)),
  };
}

function named(finding: Finding, pods: Mesh['pods']) {
  const names = (list: readonly number[]) => list.map((pod) => pods[pod]?.name ?? '');
  return {
    ...{ kind: finding.kind, severity: finding.severity, subject: finding.subject },
    ...{ title: finding.title, detail: finding.detail },
    ...{ pods: names(finding.pods), from: names(finding.from), affected: finding.affected, of: finding.of },
    ...{ outcome: finding.outcome, phase: finding.phase },
    connect_ms: inMs(finding.connectUs),
    first_byte_ms: inMs(finding.firstByteUs),
    total_ms: inMs(finding.totalUs),
    since: finding.sinceMs === 0 ? null : new Date(finding.sinceMs).toISOString(),
  };
}

function inMs(us: number): number | null {
  return us < 0 ? null : us / 1000;
}
