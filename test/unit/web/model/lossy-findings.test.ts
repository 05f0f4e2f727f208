import { describe, expect, it } from 'vitest';
import { targetOf } from '../../../../web/model/finding-words.ts';
import { findingsByPod, findingsOfLink, findingsOfPod } from '../../../../web/model/findings.ts';
import { MeshBuilder, meshOf } from '../../../support/mesh.ts';

describe('a finding about lost datagrams', () => {
  const builder = new MeshBuilder(5).withUdp();
  builder.each((from, to) => (from === 3) !== (to === 3), { udp: { windowLost: 20 } });
  const findings = builder.findings();
  const mesh = meshOf(builder.pods, builder.reports, { findings });

  it('is in the panels of its pod and its links, and changes the mark of no pod', () => {
    expect(findings.map(({ kind }) => kind)).toEqual(['pod-lossy']);
    expect(findingsOfPod(mesh, 3)).toEqual(findings);
    expect(findingsOfLink(mesh, 1, 3)).toEqual(findings);
    expect(findingsOfLink(mesh, 1, 2)).toEqual([]);
    const { into, outOf } = findingsByPod(mesh);
    expect([...into, ...outOf].filter(Boolean)).toEqual([]);
  });

  it('opens its pod, and one about a link opens the link', () => {
    expect(targetOf(findings[0]!, mesh.pods)).toEqual({ pod: 'uid-3' });
    const single = new MeshBuilder(4).withUdp();
    single.set(1, 2, { udp: { windowLost: 20 } });
    expect(targetOf(single.findings()[0]!, single.pods)).toEqual({ from: 'uid-1', to: 'uid-2' });
  });
});
