import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Requests } from '../../../server/http/requests.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it('a request whose work throws is ended and told of, and those behind it go on', async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const requests = new Requests({ clock: new FakeClock(), givesWayMs: 10_000, onIdle: () => {}, onError });
  const defect = new Error('a defect');
  const waiting: (() => void)[] = [];
  const server = createServer((req, res) => {
    waiting.push(() =>
      requests.add(req, res, { address: '127.0.0.1', isPod: false }, () => {
        if (req.url !== '/well') throw defect;
        res.end('well');
      }),
    );
    // All at once, so that they stand in one line.
    if (waiting.length === 4) for (const add of waiting) add();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const ask = (path: string) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  const answers = await Promise.allSettled(['/defect', '/well', '/ping', '/well'].map(ask));
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  expect(errors).toEqual([defect, defect]);
});
