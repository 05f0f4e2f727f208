import type { RequestListener } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { Collector } from '../../../server/peers/collector.ts';
import { queryReport } from '../../../server/peers/report-query.ts';
import { outcomeOf } from '../../../server/protocol/links.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { encodePodReport } from '../../../server/protocol/pod-report.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { collectDepsOf } from '../../support/collecting.ts';
import { peerClientOn, soon, startLoopbackPeer } from '../../support/loopback-peer.ts';
import { podOf, reportOf } from '../../support/mesh.ts';

/** How the pods of this little cluster answer; all but `refuses` listen. */
const KINDS = ['self', 'ours', 'goldpinger', 'hangs', 'login-page', 'refuses', 'drips'] as const;
type Kind = (typeof KINDS)[number];

const pods: Pod[] = KINDS.map((kind, n) => podOf(n, { name: kind, podIPs: [`127.0.77.${n + 1}`] }));
/** Pods that cannot be called: one without an address, and one whose only address is of a family that is not used. */
const uncallable = [
  podOf(50, { name: 'starting', lifecycle: 'starting', podIPs: [] }),
  podOf(51, { name: 'ipv6', lifecycle: 'starting', podIPs: ['fd00::3'] }),
];
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

const listen = async (kind: Kind, n: number, port: number, urls: string[]) =>
  (await startLoopbackPeer(answerAs(kind, n, urls), { host: pods[n]?.podIPs[0], port })).port;

it('a collection over real sockets puts every kind of peer into one mesh, with one fan-out for 60 callers', async () => {
  const urls: string[] = [];
  const port = await listen('self', 0, 0, urls);
  for (const [n, kind] of KINDS.entries()) if (n > 0 && kind !== 'refuses') await listen(kind, n, port, urls);
  const client = peerClientOn(port, realClock, { families: [4], checkTimeoutMs: 1_500 });
  const deps = collectDepsOf(realClock, [...pods, ...uncallable], {
    queryReport: (pod, query) => queryReport(client, pod, query),
    ownReport: async () => reportOf(pods[0] as Pod, pods, links),
  });
  const collector = new Collector(deps);
  onTestFinished(() => collector.stop());

  const callers = Array.from({ length: 60 }, () => collector.collect({ windowMs: 0, maxAgeMs: 0 }));
  const [mesh, ...others] = await Promise.all(callers);
  if (mesh === undefined) throw new Error('no mesh');
  expect(others.every(({ reports }) => reports === mesh.reports)).toBe(true);
  const nameOf = (pod: number) => mesh.pods[pod]?.name;
  expect(Object.fromEntries(mesh.reports.map(({ pod, missing, via }) => [nameOf(pod), missing || via]))).toEqual({
    self: 'report',
    ours: 'report',
    goldpinger: 'check',
    hangs: 'timeout',
    'login-page': 'malformed',
    refuses: 'refused',
    drips: 'timeout',
    starting: 'not-asked',
    ipv6: 'no-address',
  });
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

  // A collection in progress ends at once when the client is stopped.
  urls.length = 0;
  const stopped = collector.collect({ windowMs: 0, maxAgeMs: 0 });
  await soon(() => expect(urls.some((url) => url.startsWith('hangs'))).toBe(true));
  client.stop();
  collector.stop();
  expect((await stopped).reports.find(({ pod }) => nameOf(pod) === 'hangs')?.missing).toBe('not-asked');
  await expect(collector.collect({ windowMs: 0, maxAgeMs: 1_000 })).rejects.toThrow(/stopped/);
});
