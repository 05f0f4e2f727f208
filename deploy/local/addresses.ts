import { createServer, type Server } from 'node:net';

/** A range of loopback addresses that belongs to one cluster. */
interface AddressRange {
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

/** What trying to listen on an address came to: '' = it can be used, else the error's code, e.g. EADDRNOTAVAIL. */
type BindCheck = (address: string, port: number) => Promise<string>;

/** Listens for a moment, to see whether the address exists and the port is free on it. */
const tryToListen: BindCheck = (host, port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'EUNKNOWN'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('')));
  });

const FIRST = 2;
const LAST = 240;

/**
 * The addresses of a local cluster's pods: BASE.2 to BASE.240 of loopback, given out in turn, so that a pod's address
 * comes back as late as possible.
 */
export class AddressPool {
  readonly #base: string;
  readonly #port: number;
  readonly #check: BindCheck;
  readonly #taken = new Set<string>();
  #next = FIRST;

  /** `base`: the first three parts, e.g. `127.0.0`; `port`: the port that has to be free on an address. */
  constructor(base: string, port: number, check: BindCheck = tryToListen) {
    this.#base = base;
    this.#port = port;
    this.#check = check;
  }

  /** What to do where addresses are missing. */
  get advice(): string {
    return this.#adviceFor(this.#taken.size + 10);
  }

  #adviceFor(count: number): string {
    const last = Math.min(LAST, FIRST + count - 1);
    return `for i in $(seq ${FIRST} ${last}); do sudo ifconfig lo0 alias ${this.#base}.$i up; done`;
  }

  /** The next usable address; null if there is none. It is taken until `release`. */
  async take(): Promise<string | null> {
    for (let tries = FIRST; tries <= LAST; tries++) {
      const address = `${this.#base}.${this.#next}`;
      this.#next = this.#next === LAST ? FIRST : this.#next + 1;
      if (this.#taken.has(address)) continue;
      this.#taken.add(address); // Before the wait: two pods may look at once.
      if ((await this.#check(address, this.#port)) === '') return address;
      this.#taken.delete(address);
    }
    return null;
  }

  /** Gives an address back. */
  release(address: string): void {
    this.#taken.delete(address);
  }

  /** Throws an Error with the command that helps unless at least `wanted` addresses can be used (taken ones aside). */
  async demand(wanted: number): Promise<void> {
    let usable = 0;
    for (let last = FIRST; last <= LAST && usable < wanted; last++) {
      if ((await this.#check(`${this.#base}.${last}`, this.#port)) === '') usable += 1;
    }
    if (usable >= wanted) return;
    // More than are needed at once: each replacement takes another.
    const advice = this.#adviceFor(2 * wanted + 1);
    throw new Error(
      `each pod needs a loopback address with port ${this.#port} free: ${wanted} are needed, ` +
        `${usable} of ${this.#base}.${FIRST}-${LAST} can be used.\n` +
        `On macOS, where only 127.0.0.1 exists, this makes more of them (until the next boot):\n  ${advice}`,
    );
  }
}
