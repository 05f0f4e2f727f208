import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { DiscoverySnapshot } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Rate, RateLimit } from '../runtime/rate-limit.ts';
import { unavailableStatus } from './errors.ts';
import { type PingAnswer, parsePing } from './ping.ts';
import { Places } from './places.ts';

export interface Client {
  /** IP address, IPv4 never as `::ffff:`. '' if the connection has ended already. */
  address: string;
  /** Whether a pod of the mesh, or its node, has this address. */
  isPod: boolean;
}

/*
 * Limits, which docs/security.md adds up. Pods and other clients are counted apart, so that a flood of other clients takes no
 * place of a pod. A ping that comes first on its connection is answered whatever these limits say.
 */
/** The most connections that have sent nothing yet, or only pings: this many of pods, and as many of others. */
const MAX_PING_ONLY = 1024;
/** The most connections that the HTTP server has, because they have sent something else: of pods, of others, of one address. */
const MAX_OF_PODS = 256;
const MAX_OF_OTHERS = 64;
const MAX_OF_ADDRESS = 32;
/**
 * The most new connections in a second. A peer's new connection stands in the system's queue behind those of a flood, so the queue
 * must be emptied faster than a flood fills it: further connections are closed before anything else is done with them.
 * 800 of others: serving one takes about 0.3 ms, so all take at most a quarter of a second. 400 of one address: one client cannot use
 * up all 800.
 * 8,000 of pods: each of 1000 pods may call this one 8 times a second. A pod that floods is stopped by its 400.
 */
const NEW_OF_PODS = { ofAddress: 400, inAll: 8_000 };
const NEW_OF_OTHERS = { ofAddress: 400, inAll: 800 };
/** The most connections that wait until the HTTP server may have them: of pods, and as many of others. */
const MAX_WAITING = 128;
/** A connection that has sent more bytes than this does not wait; it is refused at once. */
const MAX_WAITING_BYTES = 4096;

/**
 * How many more requests a client may send on one connection before it has the answer to the first. Node makes objects for all
 * requests of a packet before it works on the first one: a packet of 64 kB with 1,500 requests takes 100 ms.
 */
export const MAX_PIPELINED = 16;
const HEAD_END = '\r\n\r\n';

/** The answer to a connection that gets no place; the connection is closed after it. `bytes`: the first that it has sent. */
function busyAnswer(bytes: Buffer): string {
  const [, url = ''] = bytes.toString('latin1', 0, 64).split(' ');
  const status = unavailableStatus(url);
  const body = `{"code":${status},"message":"too many connections; try again"}`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Retry-After: 1',
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** The connections of one kind of client. */
interface Kind {
  newConnections: RateLimit;
  /** Those that have sent nothing yet, or only pings. The one that has been silent for longest is first. */
  pingOnly: Set<Socket>;
  /** Those that the HTTP server serves, and those that wait for it. */
  http: Places<Socket>;
}

interface ConnectionsDeps {
  clock: Clock;
  ping: PingAnswer;
  /** The pods as discovery knows them. */
  snapshot(): Pick<DiscoverySnapshot, 'pods'>;
  /** Whether this server has the name that a client uses for it (header `Host`). */
  answersTo(host?: string): boolean;
  /** How long a new connection may send nothing, ms. */
  silentMs: number;
  /** How long a connection may send nothing after a ping, ms: the client keeps it for its next ping. */
  keptMs: number;
  /** Whether the HTTP server has a request of this connection that is not answered yet. */
  hasRequest(socket: Socket): boolean;
}

/**
 * Admits connections. A new one costs little until its first bytes come: a ping is answered here, so that pings are
 * answered whatever else goes on, and any other connection is handed to the HTTP server when there is a place for it. From
 * then on the HTTP server answers its pings too. At each limit the connection that has been idle for longest is closed; a
 * connection with a request in work is not. If no connection is idle, a new one waits for a place: see `Places`.
 */
export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #pods: Kind;
  readonly #others: Kind;
  /** All connections that are not closed. */
  readonly #open = new Set<Socket>();
  /** Connections that were just handed to the HTTP server. It has not read their request yet, so `hasRequest` is false. */
  readonly #starting = new WeakSet<Socket>();
  #known: { pods: DiscoverySnapshot['pods']; addresses: Set<string> } | null = null;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    const rules = {
      maxOfAddress: MAX_OF_ADDRESS,
      maxWaiting: MAX_WAITING,
      mustGiveWay: (socket: Socket) => !this.#starting.has(socket) && !deps.hasRequest(socket),
      end: (socket: Socket) => void socket.destroy(),
    };
    const kindOf = (rate: Rate, max: number): Kind => ({
      newConnections: new RateLimit(rate, deps.clock),
      pingOnly: new Set(),
      http: new Places({ ...rules, max }, deps.clock),
    });
    this.#pods = kindOf(NEW_OF_PODS, MAX_OF_PODS);
    this.#others = kindOf(NEW_OF_OTHERS, MAX_OF_OTHERS);
  }

  /** Takes a connection that the system has accepted. Calls `serveHttp` once when it is to be served by the HTTP server. */
  accept(socket: Socket, serveHttp: (socket: Socket) => void): void {
    const { address, isPod } = this.clientOf(socket);
    const { pingOnly, http } = isPod ? this.#pods : this.#others;
    const { silentMs, keptMs, ping, answersTo } = this.#deps;
    const destroy = () => void socket.destroy();
    const onData = (bytes: Buffer) => {
      const request = parsePing(bytes);
      if (request !== null && answersTo(request.host)) {
        addNewest(pingOnly, socket);
        if (socket.timeout !== keptMs) socket.setTimeout(keptMs);
        ping.sendRaw(socket, request.keepAlive);
        return;
      }
      if (hasManyRequests(bytes)) return destroy();
      pingOnly.delete(socket);
      socket.off('data', onData).off('end', destroy).off('timeout', destroy).setTimeout(0);
      socket.pause();
      http.take({
        holder: socket,
        address,
        mayWait: bytes.length <= MAX_WAITING_BYTES,
        start: () => this.#handOver(socket, bytes, serveHttp),
        refuse: () => socket.end(busyAnswer(bytes), destroy),
      });
    };
    this.#open.add(socket);
    addNewest(pingOnly, socket);
    socket.on('error', () => {}); // 'close' follows.
    socket.on('close', () => {
      this.#open.delete(socket);
      pingOnly.delete(socket);
      http.leave(socket);
    });
    socket.on('data', onData).on('end', destroy).on('timeout', destroy).setTimeout(silentMs);
  }

  /** Hands a paused connection to the HTTP server, and `bytes`, which have been read from it. */
  #handOver(socket: Socket, bytes: Buffer, serveHttp: (socket: Socket) => void): void {
    if (socket.destroyed) return;
    this.#starting.add(socket);
    // By then the HTTP server has read the request, if it has come whole. If not, the connection counts as idle.
    setImmediate(() => {
      this.#starting.delete(socket);
      this.becameIdle(socket);
    });
    socket.unshift(bytes);
    serveHttp(socket);
    // Sees the bytes before Node's parser does.
    socket.prependListener('data', (more: Buffer) => {
      if (hasManyRequests(more)) socket.removeAllListeners('data').destroy();
    });
    socket.resume();
  }

  /** Whether a new connection from an IP address may be served. If so, it is counted. */
  admits(address: string): boolean {
    const plain = plainAddress(address);
    return (this.#isPod(plain) ? this.#pods : this.#others).newConnections.admits(plain);
  }

  /** Whose connection this is. */
  clientOf({ remoteAddress = '' }: Socket): Client {
    const address = plainAddress(remoteAddress);
    return { address, isPod: this.#isPod(address) };
  }

  #isPod(address: string): boolean {
    const { pods } = this.#deps.snapshot();
    if (this.#known?.pods !== pods) {
      const addresses = new Set(pods.flatMap(({ podIPs, hostIPs }) => [...podIPs, ...hostIPs]));
      this.#known = { pods, addresses };
    }
    return this.#known.addresses.has(address);
  }

  /** To be called when a connection of the HTTP server may have become idle. The other idle ones are closed before it to make room. */
  becameIdle(socket: Socket): void {
    for (const { http } of [this.#pods, this.#others]) http.renew(socket);
  }

  /** Closes the connections that have sent nothing but pings. */
  closePingOnly(): void {
    for (const { pingOnly } of [this.#pods, this.#others]) for (const socket of pingOnly) socket.destroy();
  }

  /** Closes all connections: those that wait for a place too, which the HTTP server does not know. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** An IP address as Kubernetes writes it: IPv4 never as `::ffff:`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/**
 * Whether a packet seems to have more than 1 + `MAX_PIPELINED` requests. It counts empty lines, because every head ends with one, also
 * where the first line is none of HTTP/1 (Node's parser takes `GET /`, `HTTP/2.0`, `RTSP/1.0` too). A body with as many is refused too.
 */
function hasManyRequests(bytes: Buffer): boolean {
  let count = 0;
  for (let i = bytes.indexOf(HEAD_END); i >= 0; i = bytes.indexOf(HEAD_END, i + HEAD_END.length)) count += 1;
  return count > 1 + MAX_PIPELINED;
}

/** Puts a connection at the end of those that have sent nothing but pings. If there are too many, closes the first. */
function addNewest(pingOnly: Set<Socket>, socket: Socket): void {
  pingOnly.delete(socket);
  const [first] = pingOnly;
  if (pingOnly.size >= MAX_PING_ONLY && first !== undefined) {
    pingOnly.delete(first);
    first.destroy();
  }
  pingOnly.add(socket);
}
