import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { LinkQuery } from '../../../server/peers/link-query.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podNamer } from '../../../server/protocol/pod-names.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { peerClientOn, startLoopbackPeer } from '../../support/loopback-peer.ts';
import { podOf } from '../../support/mesh.ts';
import { PEER_ANSWERS } from '../../support/peer-answers.ts';

async function start(answer: RequestListener, keepers: Pod[] = []) {
  const { port, requests } = await startLoopbackPeer(answer);
  const clock = new FakeClock();
  const client = peerClientOn(port, clock);
  const query = new LinkQuery({ client, clock, nameOf: podNamer(keepers), otherKeepers: () => keepers });
  return { query, requests, nowMs: clock.nowMs() };
}

const from = podOf(0, { podIPs: ['127.0.0.1'] });
const times = { connectUs: -1, firstByteUs: -1, totalUs: 300_000 };
const sample = { atMs: 5, outcome: 'timeout', phase: 'connect', ...times, suspect: false };
const told = { from: 'uid-0', to: 'uid/1', nowMs: 9, error: '', samples: [sample] };

describe('asking for the samples of a link', () => {
  it('gives what its probing pod kept, under the link that was asked for, whatever that pod claims', async () => {
    const { query, requests } = await start((_, res) => res.end(JSON.stringify({ ...told, from: 'x', to: 'y' })));
    expect(await query.samples(from, 'uid/1')).toEqual(told);
    expect(requests).toEqual(['GET /api/v1/samples?to=uid%2F1']);
  });

  it('or for its history gives times by our clock, whatever that of the pod says', async () => {
    const [wire] = PEER_ANSWERS['link history']!;
    const { query, requests, nowMs } = await start((_, res) => res.end(JSON.stringify({ ...wire, nowMs: 1_000 })));
    const history = await query.history(from, 'uid/1', { fromAgeMs: 3_000.4, toAgeMs: 0.2 }, 1_000);
    expect(history).toMatchObject({ ...wire, from: 'uid-0', to: 'uid/1', nowMs, steps: [{ atMs: nowMs - 1_000 }] });
    expect(requests).toEqual(['GET /api/v1/pod-history?fromAge=3000&toAge=0&step=1000&to=uid%2F1']);
  });

  it('asks the keepers of a pod that has gone, one after the other, until one has a copy', async () => {
    const keepers = [1, 2, 3].map((n) => podOf(n, { podIPs: ['127.0.0.1'] }));
    let asked = 0;
    const { query, requests } = await start((_, res) => {
      asked += 1;
      if (asked === 1) res.writeHead(410).end();
      else res.end(JSON.stringify(told));
    }, keepers);
    const gone = { ...from, lifecycle: 'gone' as const };
    expect(await query.samples(gone, 'uid/1')).toEqual(told);
    expect(requests).toEqual(new Array(2).fill('GET /api/v1/samples?to=uid%2F1&of=uid-0'));
  });

  it('says so if nobody has a copy of a pod that has gone', async () => {
    const { query, requests } = await start(() => {});
    const { samples, error } = await query.samples({ ...from, lifecycle: 'gone' }, 'uid/1');
    expect([samples, error]).toEqual([[], 'pod-0 has gone: no pod has a copy of its memory']);
    expect(requests).toEqual([]);
  });

  it('names the pod that has gone, and the one that may have a copy, if that does not answer', async () => {
    const keeper = podOf(2, { podIPs: ['127.0.0.1'] });
    const { query } = await start((_, res) => res.writeHead(410).end(), [keeper]);
    const { error } = await query.samples({ ...from, lifecycle: 'gone' }, 'uid/1');
    expect(error).toMatch(/^pod-0 has gone: no answer from pod-2: .*410/);
  });

  it('says in words why there are none', async () => {
    const { query } = await start((_, res) => res.end(JSON.stringify({ ...told, more: 'x'.repeat(300_000) })));
    const link = { from: 'uid-0', to: 'uid/1', error: expect.stringContaining('more than 262144 bytes') };
    expect(await query.samples(from, 'uid/1')).toMatchObject({ ...link, samples: [] });
    const range = { fromAgeMs: 3_000, toAgeMs: 0 };
    expect(await query.history(from, 'uid/1', range, 1_000)).toMatchObject({ ...link, steps: [] });
  });
});
