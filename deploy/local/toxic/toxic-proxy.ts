import { type AddressInfo, createServer, type Server } from 'node:net';
import { ApiFault } from './api.ts';
import { Connection } from './connection.ts';
import type { StageDeps } from './stage.ts';
import { changeToxic, newToxic, type Toxic } from './toxic.ts';

/** A host and a port, as they stand in `host:port`. */
export interface HostPort {
  host: string;
  port: number;
}

/** Hosts that mean "every address of this machine", in Toxiproxy's and Go's notation. */
const ANY = ['', '0.0.0.0', '::'];
const OWN = [...ANY, 'localhost', '127.0.0.1', '::1'];

/** Splits `host:port`; IPv6 addresses stand in brackets, '' means any port anywhere. Throws ApiFault 500 in the words of Go's net package. */
function hostPortOf(address: string, use: 'listen' | 'dial'): HostPort {
  if (address === '') return { host: '', port: 0 };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(address) ?? [];
  if (digits === undefined) {
    const what = address.includes(':') ? 'too many colons in address' : 'missing port in address';
    throw new ApiFault(500, `${use} tcp: address ${address}: ${what}`);
  }
  const port = digits === '' ? 0 : Number(digits);
  if (!/^\d*$/.test(digits)) throw new ApiFault(500, `${use} tcp: lookup tcp/${digits}: unknown port`);
  if (port > 65_535) throw new ApiFault(500, `${use} tcp: address ${digits}: invalid port`);
  return { host: bracketed ?? plain ?? '', port };
}

/** An address as Toxiproxy shows it once it listens there: "every address" is `[::]`, localhost its address. */
function shownAddress({ host }: HostPort, port: number): string {
  if (ANY.includes(host)) return `[::]:${port}`;
  const name = host === 'localhost' ? '127.0.0.1' : host;
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}

/**
 * The address that a program in a pod means. All pods of a local cluster share one loopback, so "every address" and
 * "localhost" are the pod's own, or, for a port that the pod redirects, its inner one. Outside of a pod (`podIP` '')
 * an address means what it says.
 */
export function placedAddress({ host, port }: HostPort, pod: PodNetwork): HostPort {
  if (pod.podIP === '' || !OWN.includes(host)) return { host: host === '' ? '::' : host, port };
  return { host: pod.redirected.includes(port) ? pod.innerIP : pod.podIP, port };
}

/**
 * Whether what goes to `upstream` comes in at `listener` again: then one connection makes another without end. Both as
 * `placedAddress` has them. A name other than localhost is not looked up.
 */
function isSamePlace(upstream: HostPort, listener: HostPort): boolean {
  if (upstream.port !== listener.port) return false;
  if (ANY.includes(listener.host)) return OWN.includes(upstream.host);
  const hostOf = ({ host }: HostPort) => (host === 'localhost' ? '127.0.0.1' : ANY.includes(host) ? '127.0.0.1' : host);
  return hostOf(upstream) === hostOf(listener);
}

/** Where in the local cluster this program runs. */
export interface PodNetwork {
  /** '' = in no pod. */
  podIP: string;
  /** Where the pod's own programs listen on ports that are redirected. */
  innerIP: string;
  redirected: readonly number[];
}

/** What proxies share. */
export interface ProxyDeps extends StageDeps {
  network: PodNetwork;
}

/** A proxy as the API shows it; the order of the fields is Toxiproxy's. */
export interface ProxyView {
  name: string;
  listen: string;
  upstream: string;
  enabled: boolean;
  toxics: Toxic[];
}

const MAX_CONNECTIONS = 10_000;
const MAX_TOXICS = 100;

/** One proxy: listens, connects on, and lets its toxics work on what goes through. */
export class ToxicProxy {
  readonly name: string;
  readonly #deps: ProxyDeps;
  readonly #toxics: Toxic[] = [];
  readonly #connections = new Set<Connection>();
  #listen: string;
  #upstream: string;
  #server: Server | undefined;

  constructor(name: string, listen: string, upstream: string, deps: ProxyDeps) {
    this.name = name;
    this.#listen = listen;
    this.#upstream = upstream;
    this.#deps = deps;
  }

  get view(): ProxyView {
    const enabled = this.#server !== undefined;
    return { name: this.name, listen: this.#listen, upstream: this.#upstream, enabled, toxics: this.#listed() };
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Begins to listen. Rejects with ApiFault 500 in Go's words, e.g. `bind: address already in use`. */
  async start(): Promise<void> {
    if (this.#server) return;
    const wanted = hostPortOf(this.#listen, 'listen');
    const bound = placedAddress(wanted, this.#deps.network);
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect: true });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (client) => {
      const upstream = this.#placeOfUpstream();
      // To itself by a mistyped port, one connection would soon be all that the machine has.
      if (upstream === null || isSamePlace(upstream, bound)) {
        client.destroy();
        return;
      }
      const connection: Connection = new Connection({
        client,
        upstream,
        toxics: this.#toxics,
        deps: this.#deps,
        onClose: () => this.#connections.delete(connection),
      });
      this.#connections.add(connection);
    });
    const port = await listening(server, bound, this.#listen);
    bound.port = port;
    server.on('error', () => {}); // An accept that failed (no descriptors left) must not end the program.
    this.#server = server;
    this.#listen = shownAddress(wanted, port);
  }

  /** Stops listening and ends all connections; resolves when the address is free. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  /** Changes addresses (which ends all connections) and whether it listens. Rejects as `start` does. */
  async update(listen: string, upstream: string, enabled: boolean): Promise<void> {
    if (listen !== this.#listen || upstream !== this.#upstream) {
      await this.stop();
      this.#listen = listen;
      this.#upstream = upstream;
    }
    if (enabled) await this.start();
    else await this.stop();
  }

  /** The toxic of that name. Throws ApiFault 404. */
  toxic(name: string): Toxic {
    const found = this.#toxics.find((toxic) => toxic.name === name);
    if (!found) throw new ApiFault(404, 'toxic not found');
    return found;
  }

  /** Adds the toxic that a body describes, on live connections too. Throws ApiFault. */
  addToxic(body: unknown): Toxic {
    const toxic = newToxic(body, (name) => this.#toxics.some((one) => one.name === name));
    if (this.#toxics.length >= MAX_TOXICS) throw new ApiFault(400, `a proxy takes at most ${MAX_TOXICS} toxics`);
    this.#toxics.push(toxic);
    for (const connection of this.#connections) connection.add(toxic);
    return toxic;
  }

  /** Changes a toxic, on live connections too. Throws ApiFault. */
  changeToxic(name: string, body: unknown): Toxic {
    const toxic = this.toxic(name);
    changeToxic(toxic, body);
    for (const connection of this.#connections) connection.change(toxic);
    return toxic;
  }

  /** Removes a toxic, from live connections too. Throws ApiFault. */
  removeToxic(name: string): void {
    const toxic = this.toxic(name);
    this.#toxics.splice(this.#toxics.indexOf(toxic), 1);
    for (const connection of this.#connections) connection.remove(toxic);
  }

  /** null where it is no address. */
  #placeOfUpstream(): HostPort | null {
    try {
      return placedAddress(hostPortOf(this.#upstream, 'dial'), this.#deps.network);
    } catch {
      return null;
    }
  }

  /** The toxics as Toxiproxy lists them: those of the upstream before the others. */
  #listed(): Toxic[] {
    const ofStream = (wanted: string) => this.#toxics.filter(({ stream }) => stream === wanted);
    return [...ofStream('upstream'), ...ofStream('downstream')];
  }

  /** Removes all toxics. */
  resetToxics(): void {
    for (const { name } of [...this.#toxics]) this.removeToxic(name);
  }
}

/** What Go's net package says of a system's error. */
const GO_WORDS: Record<string, string> = {
  EADDRINUSE: 'bind: address already in use',
  EADDRNOTAVAIL: 'bind: cannot assign requested address',
  EACCES: 'bind: permission denied',
};

async function listening(server: Server, { host, port }: { host: string; port: number }, shown: string) {
  // As Go does where a machine has no IPv6.
  const hosts = ['::', '0.0.0.0'].includes(host) ? ['::', '0.0.0.0'] : [host];
  let code = '';
  for (const each of hosts) {
    code = await tryToListen(server, each, port);
    if (code === '') return (server.address() as AddressInfo).port;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') break;
  }
  const lookup = `lookup ${host}: no such host`;
  throw new ApiFault(500, `listen tcp ${shown}: ${GO_WORDS[code] ?? (code === 'ENOTFOUND' ? lookup : code)}`);
}

function tryToListen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? 'EUNKNOWN');
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      resolve('');
    });
  });
}
