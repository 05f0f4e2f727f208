import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Path, ProbeProtocol } from '../protocol/sample.ts';
import {
  type HttpOptions,
  type Lookup,
  type ProbeEnd,
  type ProbeLimits,
  probeDns,
  probeHttp,
} from './external-probes.ts';

/** Which paths are checked, and where they lead. */
export interface PathSettings {
  /** PATH_CHECKS. `service` means two checks: by name (`service`) and by cluster IP (`service-ip`). */
  pathChecks: readonly Exclude<Path, 'service-ip'>[];
  pathServiceUrl: string;
  pathIngressUrl: string;
  pathDnsName: string;
  pathApiserverUrl: string;
}

interface PathCheck {
  path: Path;
  protocol: ProbeProtocol;
  target: string;
  /** Probes the path; null if its address is not known yet. */
  probe(limits: ProbeLimits): Promise<ProbeEnd> | null;
}

/**
 * The statuses that show that the way to the API server works. One that refuses anonymous requests has answered, too: Kubernetes
 * answers `/livez` to everybody unless its administrator has turned that off (role system:public-info-viewer).
 */
const API_SERVER_ANSWERS = [200, 401, 403];

/**
 * The checks that PATH_CHECKS asks for, in the order of `PATHS`. `resolve` and `lookup` both ask the system's resolver: for the check
 * `dns`, and for the connections of all others.
 */
export function pathChecksOf(
  settings: PathSettings,
  resolve: Lookup,
  lookup: LookupFunction = systemLookup,
): PathCheck[] {
  const { pathChecks, pathServiceUrl, pathIngressUrl, pathDnsName, pathApiserverUrl } = settings;
  const checks: PathCheck[] = [];
  const addHttp = (path: Path, target: string, options: () => HttpOptions | null) => {
    const probe = (limits: ProbeLimits) => {
      const how = options();
      return how === null ? null : probeHttp(target, limits, how);
    };
    checks.push({ path, protocol: 'http', target, probe });
  };
  if (pathChecks.includes('service')) {
    const address = new ServiceAddress(new URL(pathServiceUrl).hostname, lookup);
    if (address.hasName) addHttp('service', pathServiceUrl, () => ({ lookup: address.lookUp }));
    addHttp('service-ip', pathServiceUrl, () => (address.isKnown ? { lookup: address.recall } : null));
  }
  if (pathChecks.includes('ingress')) addHttp('ingress', pathIngressUrl, () => ({ lookup }));
  if (pathChecks.includes('dns')) {
    checks.push({ path: 'dns', protocol: 'dns', target: pathDnsName, probe: () => probeDns(pathDnsName, resolve) });
  }
  if (pathChecks.includes('apiserver')) {
    addHttp('apiserver', pathApiserverUrl, () => ({ lookup, accepted: API_SERVER_ANSWERS }));
  }
  return checks;
}

/**
 * The addresses of our Service, as the last lookup of its name found them, so that it can be probed by address while DNS fails. They
 * are not known before the first lookup, unless the URL has an address instead of a name.
 */
class ServiceAddress {
  readonly #host: string;
  readonly #lookup: LookupFunction;
  readonly hasName: boolean;
  /** One for each IP family. */
  #addresses: LookupAddress[] = [];

  /** `host` as in a URL: an IPv6 address is in brackets. */
  constructor(host: string, lookup: LookupFunction) {
    this.#lookup = lookup;
    this.#host = host.replace(/^\[(.*)\]$/, '$1');
    this.hasName = isIP(this.#host) === 0;
  }

  get isKnown(): boolean {
    return !this.hasName || this.#addresses.length > 0;
  }

  /** Asks the system's resolver, and remembers the addresses of the Service. */
  readonly lookUp: LookupFunction = (host, options, done) =>
    this.#lookup(host, options, (error, found, family = 4) => {
      const addresses = Array.isArray(found) ? found : [{ address: found, family }];
      if (error === null && host === this.#host && addresses.length > 0) this.#addresses = addresses;
      done(error, found, family);
    });

  /** Finds the remembered addresses of the Service. Other hosts, to which it redirects, are looked up. */
  readonly recall: LookupFunction = (host, options, done) => {
    const [first] = this.#addresses;
    if (host !== this.#host || first === undefined) return this.#lookup(host, options, done);
    if (options.all) done(null, this.#addresses);
    else done(null, first.address, first.family);
  };
}
