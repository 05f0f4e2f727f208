import { textOf } from '../../../server/contract/errors.ts';
import type { Clock } from '../../../server/contract/seams.ts';
import type { AddressPool } from '../address-pool.ts';
import type { ServiceObject } from '../api/objects.ts';
import { SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { recordEvent } from './events.ts';
import { controlLoop } from './loop.ts';
import { ServiceAddress } from './service-address.ts';

/** What giving Services addresses takes. */
export interface ServiceAddressesDeps {
  store: Store;
  addresses: AddressPool;
  clock: Clock;
  random: () => number;
  /** Whether a Service has an address by other means. */
  isServed(service: ServiceObject): boolean;
}

interface Given {
  uid: string;
  ports: string;
  ip: string;
  doors: ServiceAddress[];
}

/**
 * Gives every Service of type LoadBalancer or NodePort a loopback address of its own, on its own ports, and writes it
 * to its status; takes it back when the Service goes.
 */
export class ServiceAddresses {
  readonly #deps: ServiceAddressesDeps;
  readonly #given = new Map<string, Given>();
  readonly #stopLoop: () => void;
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: ServiceAddressesDeps) {
    this.#deps = deps;
    this.#stopLoop = controlLoop(deps.store, [SERVICES], () => {
      this.#turn = this.#turn.then(() => this.#reconcile());
    });
  }

  /** Ends all addresses. */
  async stop(): Promise<void> {
    this.#stopLoop();
    await this.#turn;
    for (const key of [...this.#given.keys()]) await this.#takeBack(key);
  }

  async #reconcile(): Promise<void> {
    const wanted = new Map<string, ServiceObject>();
    for (const service of this.#deps.store.list(SERVICES) as ServiceObject[]) {
      const { type } = service.spec;
      const isOpen = (type === 'LoadBalancer' || type === 'NodePort') && !this.#deps.isServed(service);
      if (isOpen) wanted.set(`${service.metadata.namespace}/${service.metadata.name}`, service);
    }
    for (const [key, { uid, ports }] of this.#given) {
      const service = wanted.get(key);
      if (service?.metadata.uid !== uid || portsOf(service) !== ports) await this.#takeBack(key);
    }
    for (const [key, service] of wanted) if (!this.#given.has(key)) await this.#give(key, service);
  }

  async #give(key: string, service: ServiceObject): Promise<void> {
    const { store, addresses, clock, random } = this.#deps;
    const { name, namespace = '', uid } = service.metadata;
    const ip = await addresses.take();
    const given: Given = { uid, ports: portsOf(service), ip: ip ?? '', doors: [] };
    this.#given.set(key, given); // Also if it fails: the next change is soon enough to try again.
    try {
      if (ip === null) throw new Error(`no free address: ${addresses.advice}`);
      for (const [portIndex, { port }] of (service.spec.ports ?? []).entries()) {
        const door = new ServiceAddress({ store, namespace, name, random, portIndex });
        given.doors.push(door);
        await door.listen(ip, port);
      }
    } catch (error) {
      const happening = { type: 'Warning', reason: 'SyncLoadBalancerFailed', component: 'service-controller' } as const;
      recordEvent(store, clock.nowMs(), service, { ...happening, message: textOf(error) });
      return;
    }
    const current = store.get(SERVICES, namespace, name) as ServiceObject | undefined;
    if (current?.metadata.uid !== uid) return;
    const ports = (service.spec.ports ?? []).map(({ port, protocol = 'TCP' }) => ({ port, protocol }));
    // Its cluster IP is the same: on this machine everybody is inside the cluster.
    const spec = { ...current.spec, clusterIP: given.ip };
    store.update(SERVICES, { ...current, spec, status: { loadBalancer: { ingress: [{ ip: given.ip, ports }] } } });
  }

  async #takeBack(key: string): Promise<void> {
    const given = this.#given.get(key);
    this.#given.delete(key);
    for (const door of given?.doors ?? []) await door.close();
    if (given && given.ip !== '') this.#deps.addresses.release(given.ip);
  }
}

function portsOf({ spec }: ServiceObject): string {
  return (spec.ports ?? []).map(({ port }) => port).join();
}
