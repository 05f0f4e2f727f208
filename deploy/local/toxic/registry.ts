import { ApiFault, badBody } from './api.ts';
import { JsonFault } from './go-json.ts';
import { type Fields, fieldsOf, flagField, kindOf, textField } from './toxic.ts';
import { type ProxyDeps, type ProxyView, ToxicProxy } from './toxic-proxy.ts';

const MAX_PROXIES = 1000;

/** How far a `populate` came. */
export interface Populated {
  /** null where there are none. */
  proxies: ProxyView[] | null;
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
      const { name, listen, upstream, enabled } = badBody(() => complete(proxyFields(body, NONE), ''));
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
   * replaced. Nothing is made if an entry is incomplete.
   */
  populate(body: unknown): Promise<Populated> {
    return this.#inTurn(async () => {
      const proxies: ProxyView[] = [];
      let fault: ApiFault | undefined;
      try {
        for (const wanted of newProxies(body)) proxies.push((await this.#ensure(wanted)).view);
      } catch (error) {
        if (!(error instanceof ApiFault)) throw error;
        fault = error;
      }
      return { proxies: proxies.length > 0 ? proxies : null, fault };
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

  /** The proxy of that name, made anew unless it is there with the same addresses. Rejects with ApiFault. */
  async #ensure({ name, listen, upstream, enabled }: ProxyFields): Promise<ToxicProxy> {
    const existing = this.#proxies.get(name);
    if (existing && existing.view.listen === listen && existing.view.upstream === upstream) return existing;
    await existing?.stop();
    this.#proxies.delete(name);
    return this.#add(name, listen, upstream, enabled);
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

const NONE: ProxyFields = { name: '', listen: '', upstream: '', enabled: true };
/** What an entry of a list is read into, in Go's words. */
const ENTRY = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }';

/** The proxies of a list, all of them complete. Throws ApiFault 400. */
function newProxies(body: unknown): ProxyFields[] {
  return badBody(() => {
    if (body === null) return [];
    if (!Array.isArray(body))
      throw new JsonFault(`json: cannot unmarshal ${kindOf(body)} into Go value of type []${ENTRY}`);
    const all = body.map((entry) => {
      const fields = fieldsOf(entry, `value of type ${ENTRY}`);
      return { ...textFields(fields, '.Proxy', NONE), enabled: flagField(fields, 'enabled', '', true) };
    });
    return all.map((fields, i) => complete(fields, ` at proxy ${i + 1}`));
  });
}

/** The proxy if it has all it needs; `place` says where in a list it is, for the message. Throws ApiFault 400. */
function complete(fields: ProxyFields, place: string): ProxyFields {
  for (const name of ['name', 'upstream'] as const) {
    if (fields[name] === '') throw new ApiFault(400, `missing required field: ${name}${place}`);
  }
  return fields;
}

function proxyFields(body: unknown, before: ProxyFields): ProxyFields {
  const fields: Fields = fieldsOf(body, 'value of type toxiproxy.Proxy');
  return {
    ...textFields(fields, 'Proxy', before),
    enabled: flagField(fields, 'enabled', 'Proxy', before.enabled),
  };
}

function textFields(fields: Fields, struct: string, before: ProxyFields) {
  return {
    name: textField(fields, 'name', struct, before.name),
    listen: textField(fields, 'listen', struct, before.listen),
    upstream: textField(fields, 'upstream', struct, before.upstream),
  };
}
