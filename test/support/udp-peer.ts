import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** A datagram as it arrived. */
export interface Arrived {
  bytes: Buffer;
  from: RemoteInfo;
}

/** A UDP socket on loopback that a test answers for. It knows nothing of our code: Goldpinger's bytes are written out in tests. */
export interface UdpPeer {
  address: string;
  port: number;
  arrived: Arrived[];
  /** Resolves when the bytes are in the receiver's buffer. */
  send(bytes: Uint8Array, port: number, address?: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a socket until the test ends. `answer` is called for each datagram; Goldpinger's listener is `echo`. */
export async function startUdpPeer(
  answer: (datagram: Arrived, peer: UdpPeer, n: number) => unknown = () => {},
  { address = '127.0.0.1', port = 0 } = {},
): Promise<UdpPeer> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  const peer: UdpPeer = {
    address,
    port: socket.address().port,
    arrived: [],
    send: (bytes, to, host = address) =>
      new Promise(
        (resolve, reject) => void socket.send(bytes, to, host, (error) => (error ? reject(error) : resolve())),
      ),
    close: () => closed(socket),
  };
  let isOpen = true;
  socket.on('close', () => {
    isOpen = false;
  });
  socket.on('message', (bytes, from) => {
    const datagram = { bytes: Buffer.from(bytes), from };
    const n = peer.arrived.push(datagram) - 1;
    if (isOpen) answer(datagram, peer, n);
  });
  onTestFinished(() => (isOpen ? closed(socket) : undefined));
  return peer;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/** Echoes a datagram as Goldpinger's listener does: unchanged, if it has at least 16 bytes and begins with "GPNG". */
export function echo({ bytes, from }: Arrived, peer: UdpPeer): Promise<void> | undefined {
  if (bytes.length < 16 || bytes.toString('latin1', 0, 4) !== 'GPNG') return undefined;
  return peer.send(bytes, from.port, from.address);
}

/** Waits until what is in the buffers of this process's sockets has been read and answered. */
export async function socketsRead(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await nextTurn();
}
