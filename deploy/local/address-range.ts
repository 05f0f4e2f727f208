import { createServer, type Server } from 'node:net';

/** A range of loopback addresses that belongs to one cluster. */
export interface AddressRange {
  /** The first three parts, e.g. `127.0.0`. */
  base: string;
  release(): Promise<void>;
}

const TRIES = 20;

/**
 * Claims a range BASE.0/24 of loopback by listening on BASE.254, so that clusters on one machine never share addresses:
 * `preferred` if it is free, else one by chance. Where such addresses do not exist (macOS), `preferred` is given
 * unclaimed. Throws an Error with advice if `port` cannot be listened on anywhere.
 */
export async function claimRange(
  preferred: string | undefined,
  port: number,
  random: () => number,
): Promise<AddressRange> {
  const codes: string[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const base = attempt === 0 && preferred !== undefined ? preferred : anyBase(random);
    const server = createServer((socket) => socket.destroy());
    const code = await listen(server, `${base}.254`, port);
    if (code === '') return { base, release: () => close(server) };
    if (code === 'EADDRNOTAVAIL') return { base: preferred ?? '127.0.0', release: async () => {} };
    codes.push(code);
  }
  if (codes.includes('EACCES'))
    throw new Error(`port ${port} may not be used by this user: ports below 1024 need rights`);
  throw new Error(
    `port ${port} is taken on every address by a program that listens on 0.0.0.0:${port} (${codes.at(-1)}). ` +
      `End it, or give the pods another port: --pod-port ${port + 1}`,
  );
}

/** Well away from 127.0.x.x, where systems keep addresses of their own (127.0.0.53, 127.0.1.1). */
function anyBase(random: () => number): string {
  return `127.${10 + Math.floor(random() * 240)}.${Math.floor(random() * 256)}`;
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'EUNKNOWN'));
    server.listen({ host, port, exclusive: true }, () => resolve(''));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
