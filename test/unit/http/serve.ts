import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { listen } from '../../../server/http/server.ts';
import { type ContextChange, stubContext } from '../../support/route-context.ts';

/** Serves a stub of the service, with these changes, on a free port until the test ends. */
export async function serve(change: ContextChange = {}, timeouts?: Parameters<typeof listen>[1]) {
  const stub = stubContext(change);
  const server = await listen(stub.context, timeouts);
  onTestFinished(() => server.close(0));
  return { ...stub, server, url: server.address };
}

/** The status of an answer, and its JSON. */
export async function jsonOf(answer: Response): Promise<{ status: number; body: { message?: string } }> {
  return { status: answer.status, body: (await answer.json()) as { message?: string } };
}

/** Opens a connection from a loopback address and sends `text`; `received()` is what has come back so far. */
export async function dial(url: string, text: string, localAddress = '127.0.0.1') {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress });
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return { socket, received: () => received, ended: () => once(socket, 'close') };
}
