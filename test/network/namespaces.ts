import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';

/** The bridge's own address: where the test process listens, as the pods see it. */
export const BRIDGE_ADDRESS = '10.77.0.1';
const BRIDGE = 'pods';
/**
 * The MAC address of the bridge. Without one of its own it takes the lowest of its ports, so that a new pod can change it: what
 * the other pods send to the old address is lost until their ARP entries expire, up to nine seconds later.
 */
const BRIDGE_MAC = '02:00:00:00:00:01';

/** Packet filter rules of nftables, by the hook at which they act. `divert` holds `dnat` rules for outgoing connections. */
export interface Rules {
  input?: string[];
  output?: string[];
  divert?: string[];
}

/** Runs a program to its end. Rejects with what it wrote to stderr. */
function run(program: string, args: readonly string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, (error) => (error === null ? resolve() : reject(error)));
    // A program that has failed does not read its input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

const ip = (...args: string[]) => run('ip', args);

/**
 * Turns the network namespace of this process into the bridge that connects all pods. Throws an Error in the namespace of
 * the machine.
 */
export async function startBridge(): Promise<void> {
  // A new namespace has only a loopback interface, which is not up yet.
  if (Object.keys(networkInterfaces()).length > 0) {
    throw new Error('these tests need a network namespace of their own: start them with `npm run test:network`');
  }
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'add', BRIDGE, 'address', BRIDGE_MAC, 'type', 'bridge');
  await ip('address', 'add', `${BRIDGE_ADDRESS}/16`, 'dev', BRIDGE);
  await ip('link', 'set', BRIDGE, 'up');
}

/**
 * The network namespace of one pod. A process that does nothing keeps it, as the pause container of a real pod does: the
 * address outlives the server. It ends with its standard input, so nothing remains when the test process is killed.
 */
export class PodNamespace {
  readonly address: string;
  /** The command that starts a program in this namespace. */
  readonly enter: readonly string[];
  readonly #pause: ChildProcess;

  private constructor(address: string, pause: ChildProcess) {
    this.address = address;
    this.#pause = pause;
    this.enter = ['nsenter', '--target', String(pause.pid), '--net'];
  }

  /** Makes the namespace number `i` (1..250) and connects it to the bridge. */
  static async start(i: number): Promise<PodNamespace> {
    const pause = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const own = readlinkSync('/proc/self/ns/net');
    await eventually(() => expect(readlinkSync(`/proc/${pause.pid}/ns/net`)).not.toBe(own));
    const pod = new PodNamespace(`10.77.1.${i}`, pause);
    const link = `pod${i}`;
    await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pause.pid));
    await ip('link', 'set', link, 'master', BRIDGE, 'up');
    await pod.#ip('link', 'set', 'lo', 'up');
    await pod.#ip('address', 'add', `${pod.address}/16`, 'dev', 'eth0');
    await pod.#ip('link', 'set', 'eth0', 'up');
    return pod;
  }

  /**
   * Replaces the rules of this namespace; without any, all packets pass. The chains stay, because a connection that has been
   * diverted breaks without its chain.
   */
  async filter({ input = [], output = [], divert = [] }: Rules): Promise<void> {
    const [program = '', ...args] = [...this.enter, 'nft', '-f', '-'];
    const script = `table inet fault {
      chain incoming { type filter hook input priority 0; }
      chain outgoing { type filter hook output priority 0; }
      chain diverted { type nat hook output priority -100; }
    }
    flush table inet fault
    table inet fault {
      chain incoming { ${input.join('\n')}\n }
      chain outgoing { ${output.join('\n')}\n }
      chain diverted { ${divert.join('\n')}\n }
    }\n`;
    await run(program, args, script);
  }

  async stop(): Promise<void> {
    const ended = once(this.#pause, 'exit');
    this.#pause.stdin?.end();
    await ended;
  }

  #ip(...args: string[]): Promise<void> {
    const [program = '', ...rest] = [...this.enter, 'ip', ...args];
    return run(program, rest);
  }
}
