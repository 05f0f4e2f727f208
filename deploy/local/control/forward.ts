import { connect, type Socket } from 'node:net';

/**
 * Joins a client's socket (with `allowHalfOpen`) to a new connection to `target` and gives that: bytes, ends and resets
 * pass both ways; a client whose target is away is reset.
 */
export function forward(client: Socket, target: { host: string; port: number }): Socket {
  const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
  client.on('error', () => {}); // Its end is dealt with at 'close'.
  upstream.on('error', () => client.resetAndDestroy());
  upstream.on('close', () => client.destroySoon());
  client.on('close', (failed) => {
    if (failed) upstream.resetAndDestroy();
    else upstream.destroySoon();
  });
  client.pipe(upstream);
  upstream.pipe(client);
  return upstream;
}
