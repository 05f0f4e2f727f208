import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyLinks, emptyStats } from '../../../server/protocol/links.ts';
import { encodeMesh, type Mesh, parseMesh } from '../../../server/protocol/mesh.ts';
import type { PeerRef } from '../../../server/protocol/pod.ts';
import { encodePodReport, type PodReport, parsePodReport } from '../../../server/protocol/pod-report.ts';
import { OUTCOMES } from '../../../server/protocol/sample.ts';

const peers: PeerRef[] = ['a', 'b', 'c'].map((uid) => ({
  uid,
  name: `pod-${uid}`,
  namespace: 'default',
  podIP: '10.0.0.1',
}));

function reportOf(entries: { to: number; outcome: number; totalUs: number }[]): PodReport {
  const links = emptyLinks(entries.length);
  for (const [i, entry] of entries.entries()) {
    links.to[i] = entry.to;
    links.outcome[i] = entry.outcome;
    links.totalUs[i] = entry.totalUs;
  }
  return {
    pod: { uid: 'a', name: 'pod-a', namespace: 'default' },
    atMs: 1,
    bootTimeMs: 1,
    peersHash: 'h',
    peers,
    gonePeers: [],
    links,
    details: [],
    stats: emptyStats(entries.length),
    windowMs: 60_000,
    past: null,
    probes: [],
    starvation: { loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: 0 },
    discovery: { phase: 'synced', sinceMs: 0, lastGoodMs: 0 },
  };
}

const entries = fc.array(
  fc.record({
    to: fc.nat({ max: 2 }),
    outcome: fc.nat({ max: OUTCOMES.length - 1 }),
    totalUs: fc.nat({ max: 65_535 }),
  }),
  { maxLength: 50 },
);

describe('a pod report on the wire', () => {
  it('is decoded to what was encoded', () => {
    fc.assert(
      fc.property(entries, (links) => {
        // Older versions leave out how long links have been slow.
        const report: PodReport = links.length < 5 ? reportOf(links) : { ...reportOf(links), slow: [[4, 12_000]] };
        expect(parsePodReport(JSON.parse(encodePodReport(report)))).toEqual(report);
      }),
    );
  });

  it('leaves the peers out if the request names their fingerprint', () => {
    const wire = JSON.parse(encodePodReport(reportOf([]), 'h'));
    expect(wire.peers).toBeNull();
    expect(parsePodReport(wire, { hash: 'h', peers }).peers).toEqual(peers);
    expect(() => parsePodReport(wire, { hash: 'other', peers })).toThrow('unknown hash');
    expect(() => parsePodReport(wire)).toThrow('unknown hash');
  });

  it.each([
    ['another format', { format: 'x' }],
    [
      'links that lead nowhere',
      { links: { ...JSON.parse(encodePodReport(reportOf([{ to: 2, outcome: 0, totalUs: 1 }]))).links }, peers: [] },
    ],
    ['columns of another length', { links: { length: 7 } }],
    ['a negative length', { links: { length: -1 } }],
    ['too long a name', { pod: { uid: 'x'.repeat(200), name: '', namespace: '' } }],
    ['text for a time', { atMs: '1' }],
    ['a time that is no number', { atMs: null }],
  ])('refuses %s', (_what, change) => {
    expect(() => parsePodReport({ ...JSON.parse(encodePodReport(reportOf([]))), ...change })).toThrow();
  });

  it('refuses any JSON that is not a report', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parsePodReport(value)).toThrow();
      }),
    );
  });
});

describe('a mesh on the wire', () => {
  it('is decoded to what was encoded, report by report', () => {
    const report = reportOf([{ to: 0, outcome: 3, totalUs: 300 }]);
    const pod = {
      podIPs: ['10.0.0.1'],
      hostIPs: [],
      lifecycle: 'ready',
      sinceMs: 0,
      createdMs: 0,
      owner: '',
      labels: '',
      replacedBy: '',
    } as const;
    const mesh: Mesh = {
      atMs: 1,
      collectMs: 2,
      ageMs: 3,
      windowMs: 0,
      past: null,
      findings: [],
      servedBy: { pod: 0, name: 'pod-a' },
      discovery: {
        phase: 'synced',
        sinceMs: 0,
        mode: 'watch',
        lastGoodMs: 0,
        attempts: 0,
        nextAttemptMs: 0,
        lastError: null,
        namespace: 'default',
        labelSelector: 'app=goldpinger',
      },
      settings: {
        version: '1',
        refreshIntervalMs: 1,
        pingTimeoutMs: 1,
        pingNumber: 0,
        slowLinkMs: 100,
        historyWindowMs: 3_600_000,
        goneRetentionMs: 1,
        displayNodeName: false,
      },
      health: { ok: false, reasons: [{ pod: 0, why: ['because'] }], general: [] },
      pods: [
        {
          uid: 'a',
          name: '</script>',
          namespace: 'default',
          node: '',
          zone: '',
          ...pod,
          podIPs: [...pod.podIPs],
          hostIPs: [],
        },
      ],
      reports: [
        {
          pod: 0,
          missing: '',
          missingDetail: '',
          via: 'report',
          atMs: 1,
          fetchUs: 1,
          bootTimeMs: 1,
          samePeers: true,
          links: report.links,
          details: [[0, 'late']],
          stats: null,
          probes: [],
          starvation: null,
        },
      ],
    };
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join('')))).toEqual(mesh);
  });
});
