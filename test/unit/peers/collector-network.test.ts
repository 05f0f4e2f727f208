import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createCollector } from '../../../server/peers/collector.ts';
import { createReportClient } from '../../../server/peers/peer-client.ts';
import { outcomeOf } from '../../../server/protocol/links.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { encodePodReport } from '../../../server/protocol/pod-report.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { podOf, reportOf, settingsOf, snapshotOf } from '../../support/mesh.ts';

/** How the pods of this little cluster answer; all but `refuses` listen. */
const KINDS = ['self', 'ours', 'goldpinger', 'hangs', 'login-page', 'refuses', 'drips'] as const;
type Kind = (typeof KINDS)[number];

const stops: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

const pods: Pod[] = KINDS.map((kind, n) => podOf(n, { name: kind, podIPs: [`127.0.77.${n + 1}`] }));
const links = KINDS.map((kind, to) => ({ to, outcome: kind === 'refuses' ? ('refused' as const) : ('ok' as const) }));

function answerAs(kind: Kind, n: number, urls: string[]): RequestListener {
  return (req, res) => {
    urls.push(`${kind} ${req.url}`);
    const known = new URL(req.url ?? '', 'http://x').searchParams.get('peers') ?? '';
    if (kind === 'ours') res.end(encodePodReport(reportOf(pods[n] as Pod, pods, links), known));
    else if (kind === 'login-page') res.end('<!doctype html><title>Sign in</title>');
    else if (kind === 'drips') res.write('{');
    else if (kind === 'goldpinger' && req.url === '/check') res.end(JSON.stringify({ podResults: goResults() }));
    else if (kind === 'goldpinger') res.writeHead(404).end();
  };
}

function goResults() {
  const error = 'Get "http://127.0.77.6:8080/ping": dial tcp 127.0.77.6:8080: connect: connection refused';
  const end = (kind: Kind) => (kind === 'refuses' ? { OK: false, error, 'status-code': 504 } : { OK: true });
  return Object.fromEntries(KINDS.map((kind, n) => [kind, { ...end(kind), PodIP: `127.0.77.${n + 1}` }]));
}

async function listen(kind: Kind, n: number, port: number, urls: string[]): Promise<number> {
  const server = createServer(answerAs(kind, n, urls));
  server.listen(port, pods[n]?.podIPs[0]);
  await once(server, 'listening');
  stops.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe('collecting over real sockets', () => {
  it('puts every kind of peer into one mesh, with one fan-out for 60 callers', async () => {
    const urls: string[] = [];
    const port = await listen('self', 0, 0, urls);
    for (const [n, kind] of KINDS.entries()) if (n > 0 && kind !== 'refuses') await listen(kind, n, port, urls);
    const transport = createReportClient(realClock);
    stops.push(transport.close);
    const collector = createCollector(
      { checkTimeoutMs: 1_500, checkAllTimeoutMs: 6_000, concurrency: 4, port, families: [4], useHostIP: false },
      {
        ...{ clock: realClock, random: () => 0, fetchReport: transport.fetchReport, selfUid: () => 'uid-0' },
        snapshot: () => snapshotOf(pods),
        ownReport: async () => reportOf(pods[0] as Pod, pods, links),
        settings: () => settingsOf(),
      },
      { onPeerCall: () => {} },
    );
    stops.push(collector.stop);

    const callers = Array.from({ length: 60 }, () => collector.collect({ windowMs: 0, maxAgeMs: 0 }));
    const [mesh, ...others] = await Promise.all(callers);
    if (mesh === undefined) throw new Error('no mesh');
    expect(others.every(({ reports }) => reports === mesh.reports)).toBe(true);
    expect(Object.fromEntries(mesh.reports.map((report) => [KINDS[report.pod], report.missing || report.via]))).toEqual(
      {
        ...{ self: 'report', ours: 'report', goldpinger: 'check', hangs: 'timeout' },
        ...{ 'login-page': 'malformed', refuses: 'refused', drips: 'timeout' },
      },
    );
    for (const report of mesh.reports.filter(({ missing }) => missing === '')) {
      expect([...report.links.to].map((to, i) => [KINDS[to], outcomeOf(report.links, i)])).toEqual(
        KINDS.map((kind) => [kind, kind === 'refuses' ? 'refused' : 'ok']),
      );
    }
    expect(mesh.health.reasons.map(({ pod }) => KINDS[pod])).toEqual(['hangs', 'login-page', 'refuses', 'drips']);
    const counts = new Map<string, number>();
    for (const url of urls) counts.set(url, (counts.get(url) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBe(1);
    expect(urls.some((url) => url.startsWith('self'))).toBe(false);
  });
});
