import { createServer } from 'node:net';

/** A block of loopback addresses, and the port that every pod in it listens on. */
export interface AddressBlock {
  /** Address of pod `n`, counted from 0. */
  addressOf(n: number): string;
  port: number;
}

/**
 * Picks a block and port that nobody seems to use. Rejects where the machine has no 127.0.0.0/8 (macOS has only
 * 127.0.0.1).
 */
export async function pickBlock(random: () => number): Promise<AddressBlock> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const second = 100 + Math.floor(random() * 100);
    // Below the ports that the system hands out to outgoing connections.
    const port = 20_000 + Math.floor(random() * 10_000);
    const addressOf = (n: number) => `127.${second}.${1 + Math.floor(n / 250)}.${1 + (n % 250)}`;
    const fault = await listenFault(addressOf(0), port);
    if (fault === '') return { addressOf, port };
    if (fault === 'EADDRNOTAVAIL') throw new Error('this machine has no loopback addresses beyond 127.0.0.1');
  }
  throw new Error('found no free port on loopback');
}

function listenFault(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, host, () => server.close(() => resolve('')));
  });
}
