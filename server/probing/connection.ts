import { connect, type Socket } from 'node:net';
import type { Target } from '../protocol/pod.ts';

/** Who uses a connection, and what it is told. After `Connection.close` it is told nothing more. */
export interface ConnectionUser {
  /** The system starts to connect now. */
  onAttempt?(): void;
  onConnect(): void;
  /** `bytes` are overwritten after the call. */
  onBytes(bytes: Uint8Array): void;
  /** The peer sends no more. May be called twice. */
  onEnd(): void;
  onError(error: unknown): void;
}

/**
 * One TCP connection to a target. While nobody uses it, whatever comes closes it: a peer must not send anything without
 * being asked.
 */
export class Connection {
  readonly target: Target;
  /** When it was opened, monotonic ms. */
  readonly openedMs: number;
  /** Who uses it now; null = nobody. */
  user: ConnectionUser | null;
  readonly #socket: Socket;
  #sentText = '';

  /**
   * Starts to connect, in the next turn of the loop. Throws if Node rejects the address. `readBuffer` may be that of other
   * connections, because what was read is passed on at once.
   */
  constructor(target: Target, openedMs: number, readBuffer: Uint8Array, user: ConnectionUser) {
    this.target = target;
    this.openedMs = openedMs;
    this.user = user;
    const { address, port, family } = target;
    const onBytes = (count: number) => {
      if (this.user === null) this.close();
      else this.user.onBytes(readBuffer.subarray(0, count));
      return true;
    };
    const onEnd = () => (this.user === null ? this.close() : this.user.onEnd());
    this.#socket = connect({
      host: address,
      port,
      family,
      noDelay: true,
      autoSelectFamily: false,
      onread: { buffer: readBuffer, callback: onBytes },
    });
    this.#socket
      .on('connectionAttempt', () => this.user?.onAttempt?.())
      .on('connect', () => this.user?.onConnect())
      .on('error', (error) => (this.user === null ? this.close() : this.user.onError(error)))
      .on('end', onEnd)
      .on('close', onEnd);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  send(text: string): void {
    this.#sentText = text;
    this.#socket.write(text, 'latin1');
  }

  /** Sends what was sent before. */
  sendAgain(): void {
    this.#socket.write(this.#sentText, 'latin1');
  }

  /** Closes the connection at once. Its user is not told. */
  close(): void {
    this.user = null;
    this.#socket.destroy();
  }
}
