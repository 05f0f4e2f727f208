import { createServer, type Server, type Socket } from 'node:net';
import * as v from '../../../server/protocol/validators.ts';
import type { PodNetwork } from '../pod-network.ts';
import { close, listen } from '../sockets.ts';
import { type Address, isSameAddress, parseAddress, realAddress, shownAddress } from './address.ts';
import { Connection, type LinkDeps } from './connection.ts';
import { changeToxic, makeBodyError, newToxic, parseFields, type Toxic, ToxiproxyError } from './toxic.ts';

/** Toxiproxy has no limit. */
const MAX_PROXIES = 1000;

/** All proxies of one program by name. The caller makes changes one after another. */
export class Registry {
  readonly #deps: ProxyDeps;
  readonly #proxies = new Map<string, ToxicProxy>();

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
  }

  /** Returns every proxy by name, sorted by name. */
  views(): Record<string, ProxyView> {
    const sorted = [...this.#proxies.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return Object.fromEntries(sorted.map((proxy) => [proxy.name, proxy.view]));
  }

  /** Finds a proxy by name. Throws ToxiproxyError 404. */
  proxy(name: string): ToxicProxy {
    const proxy = this.#proxies.get(name);
    if (!proxy) throw new ToxiproxyError(404, 'proxy not found');
    return proxy;
  }

  /** Creates the proxy that a body describes. Rejects with ToxiproxyError 400, 409, 500. */
  async create(body: unknown): Promise<ProxyView> {
    const settings = newSettings(body, '');
    if (this.#proxies.has(settings.name)) throw new ToxiproxyError(409, 'proxy already exists');
    return this.#add(settings);
  }

  async remove(name: string): Promise<void> {
    await this.#proxies.get(name)?.stop();
    this.#proxies.delete(name);
  }

  /**
   * Creates all proxies of a list. An existing proxy with the same addresses is kept, one with other addresses is
   * replaced. If an entry is incomplete, nothing is created. Resolves with the proxies up to the first error, null if there are
   * none, and that error.
   */
  async populate(body: unknown) {
    const proxies: ProxyView[] = [];
    let failure: ToxiproxyError | undefined;
    try {
      if (body !== null && !Array.isArray(body)) throw makeBodyError('expected a list of proxies');
      const all = (body ?? []).map((entry, i) => newSettings(entry, ` at proxy ${i + 1}`));
      for (const settings of all) proxies.push(await this.#ensure(settings));
    } catch (error) {
      if (!(error instanceof ToxiproxyError)) throw error;
      failure = error;
    }
    return { proxies: proxies.length > 0 ? proxies : null, error: failure };
  }

  /** Enables all proxies and removes all toxics. Rejects with ToxiproxyError 500 if one cannot listen. */
  async reset(): Promise<void> {
    for (const proxy of this.#proxies.values()) {
      await proxy.start();
      for (const { name } of proxy.view.toxics) proxy.removeToxic(name);
    }
  }

  async close(): Promise<void> {
    for (const name of [...this.#proxies.keys()]) await this.remove(name);
  }

  async #ensure(settings: ProxySettings): Promise<ProxyView> {
    const { name, listen, upstream } = settings;
    const existing = this.#proxies.get(name)?.view;
    if (existing && listen === existing.listen && upstream === existing.upstream) return existing;
    await this.remove(name);
    return this.#add(settings);
  }

  async #add(settings: ProxySettings): Promise<ProxyView> {
    if (this.#proxies.size >= MAX_PROXIES) throw new ToxiproxyError(400, `at most ${MAX_PROXIES} proxies are allowed`);
    const proxy = new ToxicProxy(settings, this.#deps);
    if (settings.enabled) await proxy.start();
    this.#proxies.set(settings.name, proxy);
    return proxy.view;
  }
}

const SETTINGS = {
  name: v.nullish(v.string()),
  listen: v.nullish(v.string()),
  upstream: v.nullish(v.string()),
  enabled: v.nullish(v.boolean()),
};

/** Reads the settings of a new proxy. `place` is its place in a list, for the message. Throws ToxiproxyError 400. */
function newSettings(body: unknown, place: string): ProxySettings {
  const { name, listen, upstream, enabled } = parseFields(SETTINGS, body);
  if (!name) throw new ToxiproxyError(400, `missing required field: name${place}`);
  if (!upstream) throw new ToxiproxyError(400, `missing required field: upstream${place}`);
  return { name, listen: listen ?? '', upstream, enabled: enabled ?? true };
}

/** What all proxies of a program share. */
export interface ProxyDeps extends LinkDeps {
  network: PodNetwork;
}

/** What a client sets of a proxy. Addresses are `host:port` as the client wrote them. */
export interface ProxySettings {
  name: string;
  listen: string;
  upstream: string;
  enabled: boolean;
}

/** A proxy as the API shows it, with the fields in Toxiproxy's order. */
export interface ProxyView extends ProxySettings {
  toxics: Toxic[];
}

/** The most connections and toxics of one proxy. Toxiproxy has no such limits. */
const MAX_CONNECTIONS = 10_000;
const MAX_TOXICS = 100;

/** One proxy: it listens, connects to the upstream, and applies its toxics to the bytes that pass. */
export class ToxicProxy {
  readonly name: string;
  readonly #deps: ProxyDeps;
  readonly #toxics: Toxic[] = [];
  readonly #connections = new Set<Connection>();
  #listen: string;
  #upstream: string;
  #server: Server | undefined;

  constructor({ name, listen, upstream }: ProxySettings, deps: ProxyDeps) {
    this.name = name;
    this.#listen = listen;
    this.#upstream = upstream;
    this.#deps = deps;
  }

  get view(): ProxyView {
    // Toxiproxy lists the toxics of the upstream first.
    const ofStream = (stream: string) => this.#toxics.filter((toxic) => toxic.stream === stream);
    return {
      name: this.name,
      listen: this.#listen,
      upstream: this.#upstream,
      enabled: this.#server !== undefined,
      toxics: [...ofStream('upstream'), ...ofStream('downstream')],
    };
  }

  /** Starts to listen. Rejects with ToxiproxyError 500 and Toxiproxy's message, e.g. `bind: address already in use`. */
  async start(): Promise<void> {
    if (this.#server) return;
    const wanted = parseAddress(this.#listen, 'listen');
    const bound = realAddress(wanted, this.#deps.network);
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect: true });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (client) => this.#accept(client, bound));
    bound.port = await listenAt(server, bound, this.#listen);
    this.#server = server;
    this.#listen = shownAddress(wanted, bound.port);
  }

  /** Stops listening and ends all connections. Resolves when the address is free. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = close(server);
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  /**
   * Changes the settings that a body contains: the addresses, which ends all connections, and whether the proxy listens. Rejects
   * with ToxiproxyError 400, and as `start` does.
   */
  async update(body: unknown): Promise<ProxyView> {
    const before = this.view;
    const { listen, upstream, enabled } = parseFields(SETTINGS, body);
    this.#listen = listen ?? before.listen;
    this.#upstream = upstream ?? before.upstream;
    const isMoved = this.#listen !== before.listen || this.#upstream !== before.upstream;
    const isEnabled = enabled ?? before.enabled;
    if (isMoved || !isEnabled) await this.stop();
    if (isEnabled) await this.start();
    return this.view;
  }

  /** Finds a toxic by name. Throws ToxiproxyError 404. */
  toxic(name: string): Toxic {
    const found = this.#toxics.find((toxic) => toxic.name === name);
    if (!found) throw new ToxiproxyError(404, 'toxic not found');
    return found;
  }

  /** Adds the toxic that a body describes, to live connections too. Throws ToxiproxyError 400 or 409. */
  addToxic(body: unknown): Toxic {
    const toxic = newToxic(body, (name) => this.#toxics.some((one) => one.name === name));
    if (this.#toxics.length >= MAX_TOXICS) {
      throw new ToxiproxyError(400, `a proxy can have at most ${MAX_TOXICS} toxics`);
    }
    this.#toxics.push(toxic);
    for (const connection of this.#connections) connection.linkOf(toxic)?.add(toxic);
    return toxic;
  }

  /** Changes a toxic, on live connections too. Throws ToxiproxyError 400 or 404. */
  changeToxic(name: string, body: unknown): Toxic {
    const toxic = this.toxic(name);
    changeToxic(toxic, body);
    for (const connection of this.#connections) connection.linkOf(toxic)?.change(toxic);
    return toxic;
  }

  /** Removes a toxic, from live connections too. Throws ToxiproxyError 404. */
  removeToxic(name: string): void {
    const toxic = this.toxic(name);
    this.#toxics.splice(this.#toxics.indexOf(toxic), 1);
    for (const connection of this.#connections) connection.linkOf(toxic)?.remove(toxic);
  }

  #accept(client: Socket, bound: Address): void {
    const upstream = this.#upstreamAddress();
    // A mistyped port can make the proxy its own upstream. One connection would soon use up all connections.
    if (upstream === null || isSameAddress(upstream, bound)) {
      client.destroy();
      return;
    }
    const onClose = () => this.#connections.delete(connection);
    const connection = new Connection(client, upstream, this.#toxics, this.#deps, onClose);
    this.#connections.add(connection);
  }

  /** Returns null if the upstream is not a valid address. */
  #upstreamAddress(): Address | null {
    try {
      return realAddress(parseAddress(this.#upstream, 'dial'), this.#deps.network);
    } catch {
      return null;
    }
  }
}

/** Toxiproxy's messages for a system's error code. */
const LISTEN_MESSAGES: Record<string, string> = {
  EADDRINUSE: 'bind: address already in use',
  EADDRNOTAVAIL: 'bind: cannot assign requested address',
  EACCES: 'bind: permission denied',
};

/** Listens, and resolves with the port. `shown` is the address in the error message. */
async function listenAt(server: Server, { host, port }: Address, shown: string): Promise<number> {
  try {
    return await listen(server, host, port);
  } catch (error) {
    const { code = 'EUNKNOWN' } = error as NodeJS.ErrnoException;
    const why = code === 'ENOTFOUND' ? `lookup ${host}: no such host` : (LISTEN_MESSAGES[code] ?? code);
    throw new ToxiproxyError(500, `listen tcp ${shown}: ${why}`);
  }
}
