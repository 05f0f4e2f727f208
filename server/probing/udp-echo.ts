import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { isDatagram } from '../protocol/udp-datagram.ts';
import type { Clock } from '../runtime/clock.ts';
import { isWildcardHost } from '../runtime/host-port.ts';
import { errorCodeOf } from '../runtime/network-errors.ts';
import { RateLimit } from '../runtime/rate-limit.ts';
import { udpSocket } from './udp-socket.ts';

/** Where to listen, and what counts the time. */
interface EchoOptions {
  /** HOST: the wildcard of either family means all addresses of both. */
  host: string;
  /** UDP_PORT; 0 = any. */
  port: number;
  clock: Pick<Clock, 'monotonicMs'>;
}

/**
 * The most echoes in one second; what is beyond has no echo, so its sender counts it as lost. In a mesh of 5000 pods with default
 * settings each pod is sent 1667 datagrams a second, and where the network hides the senders (SNAT) they have one address.
 */
const RATE = { ofAddress: 2000, inAll: 20_000 };
/** Ports below this belong to system services. Some of them answer whatever they are sent: echo, chargen, DNS. */
const FIRST_USER_PORT = 1024;

/** A running echo. */
export interface UdpEcho {
  /** The port that it listens on. */
  port: number;
  stop(): Promise<void>;
}

/**
 * Echoes the datagrams of other pods' UDP probes (UDP_ENABLED) on UDP_PORT. Rejects with the system's error (EADDRINUSE, ...) if
 * it can't listen.
 *
 * It is no amplifier: it answers nothing but datagrams with the magic, with the same bytes, to their sender. It can't be made to
 * answer another echo for ever: a datagram that comes from a pod's UDP_PORT, or from the port of a system service, can only be
 * forged. The number of echoes in a second is limited, per address and in all.
 */
export async function startUdpEcho({ host, port: wantedPort, clock }: EchoOptions): Promise<UdpEcho> {
  const socket = await listeningOn(host, wantedPort);
  const { port } = socket.address();
  const limit = new RateLimit(RATE, clock);
  socket.on('message', (bytes, sender) => {
    if (!isDatagram(bytes) || sender.port < FIRST_USER_PORT || sender.port === port) return;
    if (limit.admits(sender.address)) socket.send(bytes, sender.port, sender.address, () => {});
  });
  // An answer that could not be sent is lost, as the sender of the datagram will notice.
  socket.on('error', () => {});
  return { port, stop: () => new Promise((resolve) => socket.close(() => resolve())) };
}

async function listeningOn(host: string, port: number): Promise<Socket> {
  if (!isWildcardHost(host)) return bound(isIP(host) === 6 ? 'udp6' : 'udp4', port, host);
  try {
    return await bound('udp6', port, '::');
  } catch (error) {
    // A system without IPv6.
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(errorCodeOf(error))) throw error;
    return bound('udp4', port, '0.0.0.0');
  }
}

async function bound(type: 'udp4' | 'udp6', port: number, host: string): Promise<Socket> {
  const socket = isIP(host) === 0 ? createSocket(type) : udpSocket(type);
  try {
    // Wait for it before `bind`: an address needs no lookup, so the socket may listen within that call.
    const listening = once(socket, 'listening');
    socket.bind({ port, address: host, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}
