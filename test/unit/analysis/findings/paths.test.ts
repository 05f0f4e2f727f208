import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import { findingsSchema } from '../../../../server/protocol/finding.ts';
import type { Outcome, Path } from '../../../../server/protocol/sample.ts';
import { validate } from '../../../../server/protocol/validators.ts';
import { MeshBuilder, NOW_MS, REFUSED, TIMEOUT } from '../../../support/mesh.ts';

const TARGETS: Record<Path, string> = {
  service: 'http://goldpinger:8080/ping',
  'service-ip': 'http://goldpinger:8080/ping',
  ingress: 'https://ping.example.com/ping',
  dns: 'kubernetes.default.svc',
  apiserver: 'https://10.96.0.1:443/livez',
};

const ALL_FAIL = 'fails from all 3 pods while they reach each other';

/** A mesh of `n` pods from which all paths are fine, for a test to spoil. */
class PathMesh extends MeshBuilder {
  constructor(n: number, options = {}) {
    super(n, options);
    for (const path of Object.keys(TARGETS) as Path[]) for (let pod = 0; pod < n; pod++) this.path(pod, path, 'ok');
  }

  /** Lets a path have ended so for a pod, for `forMs` until now. */
  path(
    pod: number,
    path: Path,
    outcome: Outcome,
    forMs = 60_000,
    error = outcome === 'ok' ? '' : `${outcome} error`,
  ): this {
    const times = { atMs: NOW_MS - 1_000, sinceMs: NOW_MS - 1_000 - forMs, durationUs: 2_000 };
    const protocol = path === 'dns' ? 'dns' : 'http';
    const result = { target: TARGETS[path], protocol, path, outcome, error, ...times } as const;
    const others = this.reports[pod]!.probes.filter((probe) => probe.path !== path);
    return this.report(pod, { probes: [...others, result] });
  }

  /** The same for these paths of all pods. */
  all(outcomes: Partial<Record<Path, Outcome>>, forMs?: number, error?: string): this {
    for (let pod = 0; pod < this.size; pod++) {
      for (const [path, outcome] of Object.entries(outcomes)) this.path(pod, path as Path, outcome, forMs, error);
    }
    return this;
  }

  pathFindings(): Finding[] {
    return this.findings().filter(({ kind }) => kind.startsWith('path-'));
  }

  titles(): string[] {
    return this.pathFindings().map(({ title }) => title);
  }
}

describe('a Service that fails while pods reach each other', () => {
  const refusing = () => new PathMesh(3).all({ service: 'refused', 'service-ip': 'refused' });

  it('is one finding with its evidence and the next steps; paths that work are none', () => {
    expect(new PathMesh(3).findings()).toEqual([]);
    expect(refusing().findings()).toEqual([
      {
        kind: 'path-service',
        severity: 'failed',
        subject: 'Service goldpinger:8080',
        pods: [],
        from: [0, 1, 2],
        affected: 3,
        of: 3,
        outcome: 'refused',
        phase: null,
        connectUs: -1,
        firstByteUs: -1,
        totalUs: -1,
        sinceMs: NOW_MS - 61_000,
        title: `Service goldpinger:8080: ${ALL_FAIL}, refused: check kube-proxy and the endpoints of the Service`,
        detail: expect.stringMatching(
          /^It fails from 3 of 3 pods that reach most others \(100 %\): refused error\. Cluster DNS, API server, Ingress work\. Next: kubectl get service,endpointslices;/,
        ),
      },
    ]);
  });

  it('is what the DNS, the API server and the ingress fail by: they are Services, too', () => {
    const down = refusing().all({ dns: 'timeout', apiserver: 'timeout', ingress: 'http-status' });
    expect(down.titles()).toEqual([
      `Service goldpinger:8080: ${ALL_FAIL}, refused: other Services fail, too: check kube-proxy`,
    ]);
    expect(down.pathFindings()[0]?.detail).toContain('Cluster DNS, API server, Ingress fail, too.');
  });

  it('does not explain an API server that answers that it is not healthy', () => {
    const mesh = refusing().all({ apiserver: 'http-status' });
    expect(mesh.pathFindings().map(({ kind }) => kind)).toEqual(['path-service', 'path-apiserver']);
    expect(mesh.titles()[0]).not.toContain('other Services fail');
  });

  it('is not blamed on kube-proxy if the DNS answers that it does not know a name: its Service is reached', () => {
    const named = (error: string) => refusing().all({ dns: 'dns' }, undefined, error).titles()[0];
    expect(named('kubernetes.default was resolved to 0 ips')).not.toContain('other Services fail');
    expect(named('lookup kubernetes.default: EAI_AGAIN')).toContain('other Services fail');
  });

  it('on one node only, is that of its kube-proxy', () => {
    const mesh = new PathMesh(6, { perNode: 2 });
    for (const pod of [2, 3]) mesh.path(pod, 'service-ip', 'timeout').path(pod, 'service', 'timeout');
    const who = 'fails only from node node-1 (2 of 6 pods)';
    expect(mesh.titles()).toEqual([`Service goldpinger:8080: ${who}, timeout: check kube-proxy on node node-1`]);
  });

  it('by name only, while the DNS works, may not exist', () => {
    const mesh = new PathMesh(3).all({ service: 'dns' });
    expect(mesh.titles()).toEqual([
      `Service goldpinger:8080: ${ALL_FAIL}, its name is not resolved: check whether the Service exists (PATH_SERVICE_URL)`,
    ]);
    expect(mesh.pathFindings()[0]?.detail).toContain('By its cluster IP it works.');
  });
});

it('of a Service that is checked by its address alone nothing is said about its name', () => {
  const mesh = new PathMesh(2).all({ service: 'ok', 'service-ip': 'refused' });
  expect(mesh.pathFindings()[0]?.detail).toContain('By name it works.');
  for (const report of mesh.reports) report.probes = report.probes.filter(({ path }) => path !== 'service');
  expect(mesh.pathFindings()[0]?.detail).not.toContain('By name');
});

describe('a pod that is isolated itself', () => {
  it('accuses no path', () => {
    const mesh = new PathMesh(4);
    mesh.outOf(3, TIMEOUT);
    for (const path of Object.keys(TARGETS) as Path[]) mesh.path(3, path, 'timeout');
    expect(mesh.findings().map(({ kind }) => kind)).toEqual(['pod-reaches-nobody']);
  });

  it.each([2, 4, 6])('accuses no path if half of a mesh of %i does not reach the other half', (size) => {
    const mesh = new PathMesh(size).all({ service: 'timeout', 'service-ip': 'timeout', dns: 'timeout' });
    mesh.each((from, to) => from % 2 !== to % 2, TIMEOUT);
    expect(mesh.pathFindings()).toEqual([]);
  });

  it('is not a pod that reaches all others but those that terminate', () => {
    const mesh = new PathMesh(4).all({ service: 'refused', 'service-ip': 'refused' });
    for (const pod of [2, 3]) mesh.pod(pod, { lifecycle: 'terminating' }).into(pod, REFUSED);
    expect(mesh.pathFindings()).toMatchObject([{ kind: 'path-service', affected: 2, of: 2 }]);
  });

  it('accuses no path if it has too little CPU, or has pinged nobody yet', () => {
    const mesh = new PathMesh(2).all({ dns: 'timeout' });
    expect(mesh.starve(0).notYet(1, 0).pathFindings()).toEqual([]);
  });

  it('is believed where it has too little CPU, but for timeouts: a refused connection is a fact', () => {
    const mesh = new PathMesh(3).all({ dns: 'timeout', apiserver: 'refused' });
    for (const pod of [0, 1, 2]) mesh.starve(pod);
    mesh.each(() => true, {}, true);
    expect(mesh.pathFindings()).toMatchObject([{ kind: 'path-apiserver', affected: 3, of: 3 }]);
  });

  it('is accused by the timeouts of a pod that was short of CPU before or after the probe, and not during it', () => {
    // The probe ended 1 s ago; times are known to a second.
    const findingsWith = (times: [number, number][], isNow: boolean) => {
      const mesh = new PathMesh(3);
      for (const pod of [0, 1]) mesh.path(pod, 'dns', 'timeout').wasLate(pod, times, isNow);
      return mesh.findings().map(({ kind }) => kind);
    };
    expect(findingsWith([[20_000, 10_000]], false)).toEqual(['path-dns']);
    expect(findingsWith([[20_000, 10_000]], true)).toEqual(['path-dns']);
    expect(findingsWith([[4_000, 1_500]], false)).toEqual(['cpu-starved', 'cpu-starved']);
  });

  it('is not suspected where there is no other pod', () => {
    const [finding] = new PathMesh(1).all({ apiserver: 'timeout' }).pathFindings();
    expect(finding?.title).toBe(
      'API server 10.96.0.1: fails from the only pod, timeout: check the API server, and kube-proxy and network policies on the way to it',
    );
    expect(finding?.detail).toMatch(/^It fails from the only pod that can tell: timeout error\./);
  });
});

describe('the evidence', () => {
  it('is one failure of most pods, or two in a row of one', () => {
    const mesh = new PathMesh(4).path(0, 'apiserver', 'timeout', 0);
    expect(mesh.pathFindings()).toEqual([]);
    expect(mesh.path(0, 'apiserver', 'timeout', 30_000).titles()).toEqual([
      expect.stringMatching(/^API server 10\.96\.0\.1: fails only from pod-0, timeout: /),
    ]);
    mesh.path(0, 'apiserver', 'timeout', 0).path(1, 'apiserver', 'timeout', 0);
    expect(mesh.pathFindings()).toEqual([]);
    mesh.path(2, 'apiserver', 'timeout', 0);
    expect(mesh.pathFindings()).toMatchObject([{ kind: 'path-apiserver', affected: 3, of: 4 }]);
  });

  it('against a Service is that of all pods while it may lead to a pod that cannot be reached', () => {
    const mesh = new PathMesh(6);
    mesh.into(5, TIMEOUT).silence(5);
    for (const pod of [0, 1, 2, 3]) mesh.path(pod, 'service-ip', 'timeout').path(pod, 'ingress', 'timeout');
    expect(mesh.findings().map(({ kind }) => kind)).toEqual(['pod-unreachable']);
    mesh.path(4, 'service-ip', 'timeout');
    expect(mesh.pathFindings()).toMatchObject([{ kind: 'path-service', affected: 5, of: 5 }]);
  });
});

it('a DNS that fails explains what is not found by name, and nothing else', () => {
  const mesh = new PathMesh(3).all({ dns: 'dns', service: 'dns', ingress: 'timeout', apiserver: 'refused' });
  expect(mesh.titles()).toEqual([
    `Cluster DNS kubernetes.default.svc: ${ALL_FAIL}, its name is not resolved: check CoreDNS and the pods' dnsPolicy`,
    expect.stringMatching(/^API server 10\.96\.0\.1: .* refused: /),
  ]);
  expect(mesh.pathFindings()[0]?.detail).toContain('Service, API server, Ingress fail, too.');
});

it.each([
  ['http-status', "check the ingress' rule, its controller's log and the Service behind it"],
  ['timeout', 'check the ingress controller and its load balancer'],
  ['dns', 'check the DNS entry of its host'],
] as const)('an ingress that ends with %s: %s', (outcome, advice) => {
  const [title] = new PathMesh(3).all({ ingress: outcome }).titles();
  expect(title).toContain(`Ingress ping.example.com: ${ALL_FAIL}, `);
  expect(title).toContain(`: ${advice}`);
});

it('a result without an outcome counts neither for nor against a path', () => {
  const mesh = new PathMesh(3).all({ dns: 'dns' });
  mesh.reports[0]!.probes = mesh.reports[0]!.probes.map(({ outcome: _outcome, ...probe }) => probe);
  expect(mesh.pathFindings()).toMatchObject([{ kind: 'path-dns', affected: 2, of: 2 }]);
});

it('long targets and unknown times make a valid finding', () => {
  const mesh = new PathMesh(3).all({ dns: 'timeout' });
  for (const report of mesh.reports) {
    report.probes = report.probes
      .filter(({ path }) => path === 'dns')
      .map(({ sinceMs: _sinceMs, ...probe }) => ({ ...probe, target: 'x'.repeat(2_000) }));
  }
  const findings = mesh.pathFindings();
  expect(validate(findingsSchema, findings)).toEqual(findings);
  expect(findings).toMatchObject([{ outcome: 'timeout', sinceMs: 0, affected: 3 }]);
});
