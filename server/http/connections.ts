import type { Socket } from 'node:net';
import type { DiscoverySnapshot } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { type PingAnswer, parsePing } from './ping.ts';
import { Places } from './places.ts';

/** Who has opened a connection. */
export interface Client {
  /** IP address, IPv4 never as `::ffff:`. '' if the connection has ended already. */
  address: string;
  /** Whether a pod of the mesh, or its node, has this address. */
  isPod: boolean;
}

/*
 * Limits, which docs/security.md adds up. Pods and others have places of their own, so that a flood of others takes none of
 * the pods. A ping is answered in any case.
 */
/** Connections on which nothing but pings has come: of pods, and of others. */
const MAX_SILENT = 1024;
/** Connections that have sent other requests. */
const MAX_OF_PODS = 256;
const MAX_OF_OTHERS = 64;
/** Those of them that may come from one address. */
const MAX_OF_ADDRESS = 32;
/** Connections that wait to be one of those, and how many bytes each may have sent. */
const MAX_WAITING = 128;
const MAX_WAITING_BYTES = 4096;

/**
 * Requests that a client may send on one connection before it has the answer to the first. Hardly any client does so. Node
 * makes objects for all requests of a packet before the first is worked on, and an error with a stack for each if the
 * connection ends: a packet of 64 kB with 1,500 requests takes 100 ms.
 */
export const MAX_PIPELINED = 16;

const BUSY_BODY = '{"code":503,"message":"too many connections; try again"}';
const BUSY = [
  'HTTP/1.1 503 Service Unavailable',
  'Retry-After: 1',
  'Connection: close',
  'Content-Type: application/json',
  `Content-Length: ${BUSY_BODY.length}`,
  '',
  BUSY_BODY,
].join('\r\n');

/** The connections of one kind of client. */
interface Kind {
  /** Connections on which nothing but pings has come; longest silent first. */
  silent: Set<Socket>;
  /** Connections of the HTTP server; longest idle first. */
  http: Places<Socket>;
}

interface ConnectionsDeps {
  clock: Clock;
  ping: PingAnswer;
  /** The pods as discovery knows them. */
  snapshot(): Pick<DiscoverySnapshot, 'pods'>;
  /** Whether this server has the name that a client uses for it (header `Host`). */
  answersTo(host?: string): boolean;
  /** How long a connection may send nothing at its start, ms. */
  silentMs: number;
  /** How long a connection may send nothing after a ping, ms: the client keeps it for its next ping. */
  keptMs: number;
  /** Whether a request of a connection is in work, or waits for its turn. */
  hasRequest(socket: Socket): boolean;
}

/**
 * Admits connections. A new one costs little until its first bytes come: a ping is answered here, so that pings are
 * answered whatever else goes on, and any other connection is handed to the HTTP server when there is a place for it.
 * At each limit the connection that has been idle for longest gives way.
 */
export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #pods: Kind;
  readonly #others: Kind;
  /** Connections that were just handed to the HTTP server, which has not read their request yet. */
  readonly #starting = new WeakSet<Socket>();
  #known: { pods: DiscoverySnapshot['pods']; addresses: Set<string> } | null = null;
  /** The last ping; `parsePing` limits its size. Pods send the same bytes each time, so most pings need no parsing. */
  #lastPing: { bytes: Buffer; keepAlive: boolean } | null = null;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    const rules = {
      maxOfAddress: MAX_OF_ADDRESS,
      maxWaiting: MAX_WAITING,
      mustGiveWay: (socket: Socket) => !this.#starting.has(socket) && !deps.hasRequest(socket),
      end: (socket: Socket) => void socket.destroy(),
    };
    this.#pods = { silent: new Set(), http: new Places({ ...rules, max: MAX_OF_PODS }, deps.clock) };
    this.#others = { silent: new Set(), http: new Places({ ...rules, max: MAX_OF_OTHERS }, deps.clock) };
  }

  /** Takes a connection that the system has accepted. Calls `serveHttp` once when it is to be served by the HTTP server. */
  accept(socket: Socket, serveHttp: (socket: Socket) => void): void {
    const client = this.clientOf(socket);
    const { silent, http } = client.isPod ? this.#pods : this.#others;
    const destroy = () => void socket.destroy();
    const onData = (bytes: Buffer) => {
      const ping = this.#pingOf(bytes);
      if (ping !== null) {
        addNewest(silent, socket);
        if (socket.timeout !== this.#deps.keptMs) socket.setTimeout(this.#deps.keptMs);
        this.#deps.ping.sendRaw(socket, ping.keepAlive);
        return;
      }
      if (hasManyRequests(bytes)) return destroy();
      silent.delete(socket);
      socket.off('data', onData).off('end', destroy).off('timeout', destroy).setTimeout(0);
      socket.pause();
      const start = () => {
        this.#starting.add(socket);
        setImmediate(() => {
          this.#starting.delete(socket);
          this.becameIdle(socket);
        });
        socket.unshift(bytes);
        serveHttp(socket);
        socket.prependListener('data', (more: Buffer) => {
          if (hasManyRequests(more)) socket.removeAllListeners('data').destroy();
        });
        socket.resume();
      };
      http.take(socket, client.address, bytes.length <= MAX_WAITING_BYTES, start, () => socket.end(BUSY, destroy));
    };
    addNewest(silent, socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      silent.delete(socket);
      http.leave(socket);
    });
    socket.on('data', onData).on('end', destroy).on('timeout', destroy).setTimeout(this.#deps.silentMs);
  }

  /** Whose connection this is. */
  clientOf(socket: Socket): Client {
    const address = remoteAddressOf(socket);
    const { pods } = this.#deps.snapshot();
    if (this.#known?.pods !== pods) {
      const addresses = new Set(pods.flatMap(({ podIPs, hostIPs }) => [...podIPs, ...hostIPs]));
      this.#known = { pods, addresses };
    }
    return { address, isPod: this.#known.addresses.has(address) };
  }

  /** Reads a ping to this server; null if the bytes are anything else. `keepAlive`: whether the client may send more. */
  #pingOf(bytes: Buffer): { keepAlive: boolean } | null {
    if (this.#lastPing?.bytes.equals(bytes)) return this.#lastPing;
    const ping = parsePing(bytes);
    if (ping === null || !this.#deps.answersTo(ping.host)) return null;
    this.#lastPing = { bytes: Buffer.from(bytes), keepAlive: ping.keepAlive };
    return this.#lastPing;
  }

  /** Notes that a connection of the HTTP server may have become idle. It is the last of the idle ones to make room for others. */
  becameIdle(socket: Socket): void {
    for (const { http } of [this.#pods, this.#others]) http.renew(socket);
  }

  /** Closes the connections that the HTTP server does not know. */
  close(): void {
    for (const { silent } of [this.#pods, this.#others]) for (const socket of silent) socket.destroy();
  }
}

/** The IP address of the other end; IPv4 never as `::ffff:`. '' if the connection has ended already. */
export function remoteAddressOf({ remoteAddress = '' }: Socket): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
}

/** Whether a packet has more request lines than `MAX_PIPELINED` allows. */
function hasManyRequests(bytes: Buffer): boolean {
  let count = 0;
  for (let i = bytes.indexOf(' HTTP/1.'); i >= 0; i = bytes.indexOf(' HTTP/1.', i + 8)) count += 1;
  return count > 1 + MAX_PIPELINED;
}

/** Adds a connection as the last of those that are silent. If there are too many, closes the first. */
function addNewest(silent: Set<Socket>, socket: Socket): void {
  silent.delete(socket);
  const [first] = silent;
  if (silent.size >= MAX_SILENT && first !== undefined) {
    silent.delete(first);
    first.destroy();
  }
  silent.add(socket);
}
