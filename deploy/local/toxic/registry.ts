import { ApiFault, badBody } from './api-fault.ts';
import { type Fields, fieldsOf, flagField, textField } from './fields.ts';
import { type ProxyDeps, type ProxyView, ToxicProxy } from './toxic-proxy.ts';

const MAX_PROXIES = 1000;

/** How far a `populate` came. */
export interface Populated {
  proxies: ProxyView[];
  fault: ApiFault | undefined;
}

/** All proxies of one program, by name. Changes happen one after another, whoever asks for them. */
export class Registry {
  readonly #deps: ProxyDeps;
  readonly #proxies = new Map<string, ToxicProxy>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
  }

  /** Every proxy by name, names in order. */
  views(): Record<string, ProxyView> {
    const byName = [...this.#proxies.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return Object.fromEntries(byName.map((proxy) => [proxy.name, proxy.view]));
  }

  /** The proxy of that name. Throws ApiFault 404. */
  proxy(name: string): ToxicProxy {
    const proxy = this.#proxies.get(name);
    if (!proxy) throw new ApiFault(404, 'proxy not found');
    return proxy;
  }

  /** Makes the proxy that a body describes. Rejects with ApiFault 400, 409, 500. */
  create(body: unknown): Promise<ProxyView> {
    return this.#inTurn(async () => {
      const { name, listen, upstream, enabled } = newProxy(body, '');
      if (this.#proxies.has(name)) throw new ApiFault(409, 'proxy already exists');
      return (await this.#add(name, listen, upstream, enabled)).view;
    });
  }

  /** Changes a proxy as a body says; what it leaves out stays. Rejects with ApiFault 400, 404, 500. */
  update(name: string, body: unknown): Promise<ProxyView> {
    return this.#inTurn(async () => {
      const proxy = this.proxy(name);
      const before = proxy.view;
      const { listen, upstream, enabled } = badBody(() => proxyFields(body, before));
      await proxy.update(listen, upstream, enabled);
      return proxy.view;
    });
  }

  /** Ends a proxy and its connections. Rejects with ApiFault 404. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.proxy(name).stop();
      this.#proxies.delete(name);
    });
  }

  /**
   * Makes all the proxies of a list; one that is there with the same addresses stays as it is, one with others is
   * replaced. Nothing is made if an entry is incomplete (rejects with ApiFault 400).
   */
  populate(body: unknown): Promise<Populated> {
    return this.#inTurn(async () => {
      if (!Array.isArray(body)) throw new ApiFault(400, 'bad request body: json: cannot unmarshal into Go value');
      const wanted = body.map((entry, i) => newProxy(entry, ` at proxy ${i + 1}`));
      const proxies: ProxyView[] = [];
      for (const { name, listen, upstream, enabled } of wanted) {
        const existing = this.#proxies.get(name);
        if (existing && existing.view.listen === listen && existing.view.upstream === upstream) {
          proxies.push(existing.view);
          continue;
        }
        await existing?.stop();
        this.#proxies.delete(name);
        try {
          proxies.push((await this.#add(name, listen, upstream, enabled)).view);
        } catch (error) {
          if (error instanceof ApiFault) return { proxies, fault: error };
          throw error;
        }
      }
      return { proxies, fault: undefined };
    });
  }

  /** Enables all proxies and removes all toxics. Rejects with ApiFault 500 if one cannot listen. */
  reset(): Promise<void> {
    return this.#inTurn(async () => {
      for (const proxy of this.#proxies.values()) {
        await proxy.start();
        proxy.resetToxics();
      }
    });
  }

  /** Ends all proxies. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      for (const proxy of this.#proxies.values()) await proxy.stop();
      this.#proxies.clear();
    });
  }

  async #add(name: string, listen: string, upstream: string, enabled: boolean): Promise<ToxicProxy> {
    if (this.#proxies.size >= MAX_PROXIES) throw new ApiFault(400, `at most ${MAX_PROXIES} proxies are taken`);
    const proxy = new ToxicProxy(name, listen, upstream, this.#deps);
    if (enabled) await proxy.start();
    this.#proxies.set(name, proxy);
    return proxy;
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {}); // Whoever asked is told; the next one need not be.
    return result;
  }
}

interface ProxyFields {
  name: string;
  listen: string;
  upstream: string;
  enabled: boolean;
}

/** A new proxy as described; `place` says where in a list, for the message. Throws ApiFault 400. */
function newProxy(body: unknown, place: string): ProxyFields {
  const wanted = badBody(() => proxyFields(body, { name: '', listen: '', upstream: '', enabled: true }));
  for (const field of ['name', 'upstream'] as const) {
    if (wanted[field] === '') throw new ApiFault(400, `missing required field: ${field}${place}`);
  }
  return wanted;
}

function proxyFields(body: unknown, before: ProxyFields): ProxyFields {
  const fields: Fields = fieldsOf(body, 'toxiproxy.Proxy');
  return {
    name: textField(fields, 'name', 'Proxy', before.name),
    listen: textField(fields, 'listen', 'Proxy', before.listen),
    upstream: textField(fields, 'upstream', 'Proxy', before.upstream),
    enabled: flagField(fields, 'enabled', 'Proxy', before.enabled),
  };
}
