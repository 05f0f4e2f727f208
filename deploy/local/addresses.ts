import { createServer, type Server } from 'node:net';
import { close, listen } from './sockets.ts';

/** The most ranges that are tried: the preferred one, then random ones. */
const MAX_TRIES = 20;
/**
 * Last parts of the pods' addresses. BASE.1 is the machine's own in the preferred range, BASE.241 to .243 are those of the nodes.
 */
const FIRST = 2;
const LAST = 240;

/**
 * Claims the range BASE.0/24 of loopback by listening on BASE.254, so that clusters on one machine never share addresses.
 * Takes `preferred` if it is free, else a random range. Where such addresses do not exist (macOS), returns `preferred`
 * without a claim. Resolves with `base`, the first three parts, e.g. `127.0.0`, and `release`, which ends the claim. Rejects with
 * an Error and advice if `port` is free in no range.
 */
export async function claimRange(preferred: string | undefined, port: number, random: () => number) {
  const codes: string[] = [];
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const base = attempt === 0 && preferred !== undefined ? preferred : randomBase(random);
    const server = createServer((socket) => socket.destroy());
    const code = await tryToListen(server, `${base}.254`, port);
    if (code === '') return { base, release: () => close(server) };
    if (code === 'EADDRNOTAVAIL') return { base: preferred ?? '127.0.0', release: async () => {} };
    codes.push(code);
  }
  if (codes.includes('EACCES')) throw new Error(`this user may not use port ${port}: ports below 1024 are privileged`);
  throw new Error(
    `port ${port} is in use on every address by a program that listens on 0.0.0.0:${port} (${codes.at(-1)}). ` +
      `Stop it, or choose another port for the pods: --pod-port ${port + 1}`,
  );
}

/** Avoids 127.0.x.x, where systems have addresses of their own (127.0.0.53, 127.0.1.1). */
function randomBase(random: () => number): string {
  return `127.${10 + Math.floor(random() * 240)}.${Math.floor(random() * 256)}`;
}

/** Listens on an address; resolves with '' or the error's code, e.g. EADDRNOTAVAIL. */
async function tryToListen(server: Server, host: string, port: number): Promise<string> {
  try {
    await listen(server, host, port);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN';
  }
}

/** Checks whether an address exists and the port is free on it; resolves with '' or the error's code. */
type AddressCheck = (address: string, port: number) => Promise<string>;

/** Looks by listening there for a moment. */
export const checkAddress: AddressCheck = async (host, port) => {
  const server = createServer();
  const code = await tryToListen(server, host, port);
  if (code === '') await close(server);
  return code;
};

/**
 * The addresses of a local cluster's pods: BASE.2 to BASE.240 of loopback. The pool takes them in turn, so that an
 * address is reused as late as possible.
 */
export class AddressPool {
  readonly #base: string;
  readonly #port: number;
  readonly #check: AddressCheck;
  readonly #taken = new Set<string>();
  #next = FIRST;

  /** `base` is the first three parts, e.g. `127.0.0`; `port` must be free on an address. */
  constructor(base: string, port: number, check: AddressCheck = checkAddress) {
    this.#base = base;
    this.#port = port;
    this.#check = check;
  }

  /** Takes the next usable address until `release`. If there is none, rejects with an Error and the command that adds some. */
  async take(): Promise<string> {
    for (let tries = FIRST; tries <= LAST; tries++) {
      const address = `${this.#base}.${this.#next}`;
      this.#next = this.#next === LAST ? FIRST : this.#next + 1;
      if (this.#taken.has(address)) continue;
      this.#taken.add(address); // Before the check, because two pods may look at the same time.
      if ((await this.#check(address, this.#port)) === '') return address;
      this.#taken.delete(address);
    }
    throw new Error(`no free address: ${this.#adviceFor(this.#taken.size + 10)}`);
  }

  release(address: string): void {
    this.#taken.delete(address);
  }

  /** Rejects with an Error and the command that helps unless at least `count` addresses can be used. */
  async demand(count: number): Promise<void> {
    let usable = 0;
    for (let last = FIRST; last <= LAST && usable < count; last++) {
      if ((await this.#check(`${this.#base}.${last}`, this.#port)) === '') usable += 1;
    }
    if (usable >= count) return;
    // The advice is for more addresses, because each replacement pod takes another one.
    const advice = this.#adviceFor(2 * count + 1);
    throw new Error(
      `each pod needs a loopback address with port ${this.#port} free: ${count} are needed, ` +
        `${usable} of ${this.#base}.${FIRST}-${LAST} can be used.\n` +
        `On macOS, where only 127.0.0.1 exists, this command adds more of them (until the next boot):\n  ${advice}`,
    );
  }

  #adviceFor(count: number): string {
    const last = Math.min(LAST, FIRST + count - 1);
    return `for i in $(seq ${FIRST} ${last}); do sudo ifconfig lo0 alias ${this.#base}.$i up; done`;
  }
}
