import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Target } from '../protocol/pod.ts';
import { readDatagram, stampHighOf, writeDatagram } from '../protocol/udp-datagram.ts';
import type { Clock } from '../runtime/clock.ts';

/** How the datagrams of the UDP probe are made. */
export interface DatagramOptions {
  clock: Clock;
  /** UDP_PORT of the peers. */
  udpPort: number;
  /** UDP_PACKET_SIZE: bytes of a datagram. */
  udpPacketSize: number;
  /** A random number of 32 bits. Others must not be able to guess it, because it proves that an echo is ours. */
  random32(): number;
}

interface SocketUser {
  /** Datagram number `sequence` has come back. It may come back several times. */
  onEcho(sequence: number): void;
  /** A datagram could not be sent, or the target has answered "port unreachable" (ICMP, RFC 792): ECONNREFUSED. */
  onError(error: Error): void;
}

/** A socket for addresses only: they are not looked up, which would take a turn of the event loop for each datagram. */
export function udpSocket(type: 'udp4' | 'udp6'): Socket {
  return createSocket({ type, lookup: (address, _options, done) => done(null, address, isIP(address)) });
}

/**
 * Sends datagrams to one target and recognises them when they come back. The system drops what comes from any other address or
 * port. What comes from there must have the stamp of a datagram that was sent.
 */
export class ProbeSocket {
  readonly #socket: Socket;
  readonly #options: DatagramOptions;
  readonly #user: SocketUser;
  /** The stamps of the datagrams, by sequence number. */
  readonly #stamps: { stampHigh: number; stampLow: number }[] = [];
  #isClosed = false;

  private constructor(socket: Socket, options: DatagramOptions, user: SocketUser) {
    this.#socket = socket;
    this.#options = options;
    this.#user = user;
    socket.on('message', (bytes) => {
      const sequence = this.#sequenceOf(bytes);
      if (sequence >= 0 && !this.#isClosed) user.onEcho(sequence);
    });
    socket.on('error', (error) => {
      if (!this.#isClosed) user.onError(error);
    });
  }

  /** Opens a socket. It has a port of its own. Rejects with the system's error, for example EMFILE or ENETUNREACH. */
  static async open({ address }: Target, options: DatagramOptions, user: SocketUser): Promise<ProbeSocket> {
    const socket = udpSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    try {
      const connected = once(socket, 'connect');
      socket.connect(options.udpPort, address);
      await connected;
    } catch (error) {
      socket.close();
      throw error;
    }
    return new ProbeSocket(socket, options, user);
  }

  /** Sends a datagram, with a TTL other than the system's if one is given. */
  send(ttl?: number): void {
    const { clock, random32, udpPacketSize } = this.#options;
    const stamp = { stampHigh: stampHighOf(clock.nowMs()), stampLow: random32() };
    const sequence = this.#stamps.push(stamp) - 1;
    if (ttl !== undefined) this.#socket.setTTL(ttl);
    this.#socket.send(writeDatagram({ sequence, ...stamp }, udpPacketSize), (error) => {
      if (error && !this.#isClosed) this.#user.onError(error);
    });
  }

  /** Closes the socket. Its user is not called any more. */
  close(): void {
    if (!this.#isClosed) this.#socket.close();
    this.#isClosed = true;
  }

  /** The sequence number of the datagram that bytes are an echo of; -1 if they are none. */
  #sequenceOf(bytes: Buffer): number {
    const echo = readDatagram(bytes);
    const sent = echo === null ? undefined : this.#stamps[echo.sequence];
    if (echo === null || sent === undefined) return -1;
    return echo.stampHigh === sent.stampHigh && echo.stampLow === sent.stampLow ? echo.sequence : -1;
  }
}
