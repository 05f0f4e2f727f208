import { describe, expect, it, onTestFinished } from 'vitest';
import type { OnSkipped } from '../../../server/peers/peer-client.ts';
import { queryReport, type ReportQuery, type ReportResult, reportLimits } from '../../../server/peers/report-query.ts';
import { encodePodReport } from '../../../server/protocol/pod-report.ts';
import { BAD_PEER_KINDS, type BadPeerKind, startBadPeer } from '../../support/bad-peers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parsePodReport } from '../../support/generator.ts';
import { peerClientOn, soon, startLoopbackPeer } from '../../support/loopback-peer.ts';
import { podOf, podsOf, refOf, reportOf } from '../../support/mesh.ts';

/** A client of the peer on `port` with CHECK_TIMEOUT = 1 s. */
function client(port: number, onSkipped?: OnSkipped) {
  const clock = new FakeClock();
  const peers = peerClientOn(port, clock, {}, onSkipped);
  const ask = (host: string, change: Partial<ReportQuery> = {}): Promise<ReportResult> =>
    queryReport(peers, podOf(1, { podIPs: [host] }), {
      windowMs: 0,
      past: null,
      known: null,
      limits: reportLimits(pods),
      deadlineMs: Number.POSITIVE_INFINITY,
      ...change,
    });
  return { clock, ask };
}

const pods = podsOf(3);
const report = reportOf(podOf(1), pods);
const check = JSON.stringify({ podResults: { 'pod-0': { OK: true, PodIP: '127.0.0.1' } } });

describe('asking a pod for its report', () => {
  it('gives the report in our format, without the peers that we have', async () => {
    const peer = await startLoopbackPeer((req, res) => {
      const hash = new URL(req.url ?? '', 'http://x').searchParams.get('peers') ?? '';
      res.end(encodePodReport(report, hash));
    });
    const known = { hash: report.peersHash, peers: pods.map(refOf) };
    const { ask } = client(peer.port);
    const answer = await ask(peer.host, { known, windowMs: 60_000 });
    expect(answer).toEqual({ kind: 'report', report: parsePodReport(JSON.parse(encodePodReport(report))) });
    expect(answer.kind === 'report' && answer.report.peers).toBe(known.peers);
    expect(peer.requests).toEqual([
      `GET /api/v1/pod-report?${new URLSearchParams({ peers: report.peersHash, window: '60000' })}`,
    ]);
  });

  it('works over IPv6, and does not resolve names', async () => {
    const peer = await startLoopbackPeer((_, res) => res.end(encodePodReport(report)), { host: '::1' });
    const { ask } = client(peer.port);
    expect((await ask(peer.host)).kind).toBe('report');
    expect(await ask('localhost')).toMatchObject({ kind: 'missing', reason: 'no-address', hasAnswered: null });
  });

  it.each([
    [404, '{"code":404,"message":"path /api/v1/pod-report was not found"}'],
    [405, ''],
    [200, '<!doctype html><title>Goldpinger</title>'],
    [200, '{"boot_time":"2026-11-22T14:39:48.013Z"}'],
    [200, JSON.stringify({ ...JSON.parse(encodePodReport(report)), format: 'goldpinger-ts/report/2' })],
  ])('asks /check of one that answers %i %s', async (status, body) => {
    const peer = await startLoopbackPeer((req, res) => {
      if (req.url === '/check') res.end(check);
      else res.writeHead(status).end(body);
    });
    const { ask } = client(peer.port);
    const answer = await ask(peer.host);
    expect(answer.kind === 'check' && [...answer.check.podResults.keys()]).toEqual(['pod-0']);
    expect(peer.requests).toEqual(['GET /api/v1/pod-report', 'GET /check']);
  });

  it('remembers who speaks Goldpinger only, for ten minutes or until it fails', async () => {
    let up = true;
    const peer = await startLoopbackPeer((req, res) => {
      if (!up) req.socket.destroy();
      else if (req.url === '/check') res.end(check);
      else res.writeHead(404).end();
    });
    const { ask, clock } = client(peer.port);
    const requestsOf = async () => {
      await ask(peer.host);
      return peer.requests.splice(0);
    };
    expect(await requestsOf()).toEqual(['GET /api/v1/pod-report', 'GET /check']);
    expect(await requestsOf()).toEqual(['GET /check']);
    await clock.advance(9 * 60_000);
    expect(await requestsOf()).toEqual(['GET /check']);
    await clock.advance(60_000);
    expect(await requestsOf()).toEqual(['GET /api/v1/pod-report', 'GET /check']);
    up = false;
    expect(await requestsOf()).toEqual(['GET /check']);
    up = true;
    expect(await requestsOf()).toEqual(['GET /api/v1/pod-report', 'GET /check']);
  });

  it('gives no past of Goldpinger, and does not say that it has answered while it is not called', async () => {
    const peer = await startLoopbackPeer((_, res) => res.writeHead(404).end());
    const { ask } = client(peer.port);
    const past = { fromAgeMs: 2_000, toAgeMs: 1_000 };
    const missing = { kind: 'missing', reason: 'no-history' };
    expect(await ask(peer.host, { past })).toMatchObject({ ...missing, hasAnswered: true });
    expect(await ask(peer.host, { past })).toMatchObject({ ...missing, hasAnswered: null });
    expect(peer.requests).toHaveLength(1);
  });

  it('calls a report that is not valid malformed, and does not ask on', async () => {
    const wire = { ...JSON.parse(encodePodReport(report)), peers: null, peersHash: 'lie' };
    const peer = await startLoopbackPeer((_req, res) => res.end(JSON.stringify(wire)));
    const known = { hash: 'mine', peers: pods.map(refOf) };
    expect(await client(peer.port).ask(peer.host, { known })).toMatchObject({ kind: 'missing', reason: 'malformed' });
    expect(peer.requests).toHaveLength(1);
  });

  it('leaves out invalid elements, counts them, and tells that they are news once', async () => {
    const wire = JSON.parse(encodePodReport(reportOf(podOf(1), pods, [{ to: 0 }, { to: 1 }, { to: 2 }])));
    // Peer 0 is no peer; link 2 leads to nowhere.
    wire.peers[0] = ['x'];
    wire.links.to = 'AAABAAkA';
    wire.details = [['x', 'y'], [1, 'late'], 5];
    const peer = await startLoopbackPeer((_req, res) => res.end(JSON.stringify(wire)));
    const told: unknown[] = [];
    const { ask } = client(peer.port, (pod, path, { count }, isNews) => told.push([pod.name, path, count, isNews]));
    for (const answer of [await ask(peer.host), await ask(peer.host)]) {
      if (answer.kind !== 'report') throw new Error(answer.kind);
      const { peers, details, links } = answer.report;
      expect(peers?.map(({ name }) => name)).toEqual(['', 'pod-1', 'pod-2']);
      expect([details, [...links.to]]).toEqual([[[1, 'late']], [0, 1, 0xffff]]);
    }
    expect(told).toEqual([
      ['pod-1', '/api/v1/pod-report', 4, true],
      ['pod-1', '/api/v1/pod-report', 4, false],
    ]);
  });
});

/** What no report of ours can come of: where a ping is fine, the answer still is neither a report nor a /check. */
const reasonOf = (outcome: string, kind: BadPeerKind) => {
  if (kind === 'not-found') return 'http-status';
  return outcome === 'ok' ? 'malformed' : outcome;
};
const hangs = (kind: BadPeerKind) => /never|late|drips/.test(kind);

describe('a pod that', () => {
  it.each(BAD_PEER_KINDS)('%s is a missing report with a reason', async (kind) => {
    const peer = await startBadPeer(kind);
    onTestFinished(() => peer.stop());
    const { ask, clock } = client(peer.port);
    const answering = ask(peer.host);
    if (hangs(kind)) {
      await soon(() => expect(peer.requests.length).toBeGreaterThan(0));
      await clock.advance(1_000);
    }
    const answer = await answering;
    expect(answer).toMatchObject({
      kind: 'missing',
      reason: reasonOf(peer.outcome, kind),
      detail: expect.stringMatching(/./),
      hasAnswered: ['http-status', 'malformed'].includes(reasonOf(peer.outcome, kind)),
    });
    expect(clock.pending).toBe(0);
    await soon(() => expect(peer.open).toBe(0));
  });
});
