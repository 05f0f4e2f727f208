import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { encodePodReport, type PodReport } from '../../server/protocol/pod-report.ts';
import type { FromPeers, ToPeers } from './peer-messages.ts';

type Told<T extends FromPeers['told']> = Extract<FromPeers, { told: T }>;

/** The simulated peers: one process that listens on all their addresses. */
export class Peers {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts them. Rejects if an address is not to be had. */
  static async start(program: string, addresses: string[], port: number): Promise<Peers> {
    const peers = new Peers(fork(program, ['peers'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
    const { fault } = await peers.#ask('listening', { ask: 'listen', addresses, port });
    if (fault === '') return peers;
    await peers.stop();
    throw new Error(`simulated peers: ${fault}`);
  }

  /** Lets all of them answer with this report. */
  async serve(report: PodReport): Promise<void> {
    await this.#ask('serving', {
      ask: 'serve',
      hash: report.peersHash,
      full: encodePodReport(report),
      known: encodePodReport(report, report.peersHash),
    });
  }

  /** What they have stamped. */
  stamps(): Promise<Told<'stamps'>> {
    return this.#ask('stamps', { ask: 'stamps' });
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ask<T extends FromPeers['told']>(told: T, message: ToPeers): Promise<Told<T>> {
    const answered = once(this.#child, 'message');
    const ended = once(this.#child, 'exit').then(() => {
      throw new Error('the simulated peers ended');
    });
    ended.catch(() => {});
    this.#child.send(message);
    const [answer] = (await Promise.race([answered, ended])) as [FromPeers];
    if (answer.told !== told) throw new Error(`the simulated peers told ${answer.told} where ${told} was due`);
    return answer as Told<T>;
  }
}
