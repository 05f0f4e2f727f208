import * as v from 'valibot';
import { SerialQueue } from '../../../server/runtime/concurrency.ts';
import { type ProxyDeps, type ProxySettings, type ProxyView, ToxicProxy } from './proxy.ts';
import { badRequestBody, parseFields, ToxiproxyError } from './request-body.ts';

const MAX_PROXIES = 1000;

/** The result of `populate`. */
export interface Populated {
  /** The proxies up to the first error; null if there are none. */
  proxies: ProxyView[] | null;
  error: ToxiproxyError | undefined;
}

/** All proxies of one program by name. Changes are made one after another. */
export class Registry {
  readonly #deps: ProxyDeps;
  readonly #proxies = new Map<string, ToxicProxy>();
  readonly #changes = new SerialQueue();

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
  create(body: unknown): Promise<ProxyView> {
    return this.#changes.run(async () => {
      const settings = newSettings(body, '');
      if (this.#proxies.has(settings.name)) throw new ToxiproxyError(409, 'proxy already exists');
      return (await this.#add(settings)).view;
    });
  }

  /** Changes the settings of a proxy that a body contains. Rejects with ToxiproxyError 400, 404, 500. */
  update(name: string, body: unknown): Promise<ProxyView> {
    return this.#changes.run(async () => {
      const proxy = this.proxy(name);
      const before = proxy.view;
      const { listen, upstream, enabled } = parseFields(SETTINGS, body);
      await proxy.update(listen ?? before.listen, upstream ?? before.upstream, enabled ?? before.enabled);
      return proxy.view;
    });
  }

  /** Removes a proxy and ends its connections. Rejects with ToxiproxyError 404. */
  remove(name: string): Promise<void> {
    return this.#changes.run(async () => {
      await this.proxy(name).stop();
      this.#proxies.delete(name);
    });
  }

  /**
   * Creates all proxies of a list. An existing proxy with the same addresses is kept, one with other addresses is
   * replaced. If an entry is incomplete, nothing is created.
   */
  populate(body: unknown): Promise<Populated> {
    return this.#changes.run(async () => {
      const proxies: ProxyView[] = [];
      let failure: ToxiproxyError | undefined;
      try {
        if (body !== null && !Array.isArray(body)) throw badRequestBody('expected a list of proxies');
        const all = (body ?? []).map((entry, i) => newSettings(entry, ` at proxy ${i + 1}`));
        for (const settings of all) proxies.push((await this.#ensure(settings)).view);
      } catch (error) {
        if (!(error instanceof ToxiproxyError)) throw error;
        failure = error;
      }
      return { proxies: proxies.length > 0 ? proxies : null, error: failure };
    });
  }

  /** Enables all proxies and removes all toxics. Rejects with ToxiproxyError 500 if one cannot listen. */
  reset(): Promise<void> {
    return this.#changes.run(async () => {
      for (const proxy of this.#proxies.values()) {
        await proxy.start();
        proxy.removeAllToxics();
      }
    });
  }

  /** Stops and removes all proxies. */
  close(): Promise<void> {
    return this.#changes.run(async () => {
      for (const proxy of this.#proxies.values()) await proxy.stop();
      this.#proxies.clear();
    });
  }

  async #ensure(settings: ProxySettings): Promise<ToxicProxy> {
    const existing = this.#proxies.get(settings.name);
    const { listen, upstream } = existing?.view ?? {};
    if (existing && listen === settings.listen && upstream === settings.upstream) return existing;
    await existing?.stop();
    this.#proxies.delete(settings.name);
    return this.#add(settings);
  }

  async #add(settings: ProxySettings): Promise<ToxicProxy> {
    if (this.#proxies.size >= MAX_PROXIES) throw new ToxiproxyError(400, `at most ${MAX_PROXIES} proxies are allowed`);
    const proxy = new ToxicProxy(settings, this.#deps);
    if (settings.enabled) await proxy.start();
    this.#proxies.set(settings.name, proxy);
    return proxy;
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
