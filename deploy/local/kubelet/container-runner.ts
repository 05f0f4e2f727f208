import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Clock } from '../../../server/runtime/clock.ts';
import { pause } from '../../../server/runtime/deadline.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { type Container, type ContainerState, type ContainerStatus, kubeTime } from '../api/objects.ts';
import type { Watchdog } from '../watchdog.ts';
import type { ContainerLog } from './container-log.ts';
import { type Command, KNOWN_IMAGES } from './images.ts';
import { type ReadinessCheck, runStartupProbe, watchReadiness } from './readiness.ts';

/** What all containers share. */
export interface RunnerDeps {
  clock: Clock;
  watchdog: Watchdog;
  check: ReadinessCheck;
  /** Wait before restarts: the first one, doubled each time up to the longest. */
  backoff: { firstMs: number; longestMs: number };
}

interface RunnerSpec {
  container: Container;
  /** null = this machine has no such image. */
  command: Command | null;
  /** The image that is missing then. */
  missingImage: string;
  ip: string;
  restartPolicy: string;
  log: ContainerLog;
  /** Called after each change of `status`. */
  onChange: () => void;
  /** Called with what `kubectl describe` shows of the container. */
  onEvent: (reason: string, message: string, type?: 'Normal' | 'Warning') => void;
}

/** After a process has run this long, its next restart waits the shortest time again. */
const RECOVERED_MS = 60_000;

/** Runs one container: starts it, probes its readiness, restarts it with back-off, until it is stopped. */
export class ContainerRunner {
  /** Whether the container has run and will never run again. */
  finished = false;
  readonly #deps: RunnerDeps;
  readonly #spec: RunnerSpec;
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #lastState: ContainerState = {};
  #restartCount = 0;
  #isReady = false;
  #process: ChildProcess | null = null;

  constructor(deps: RunnerDeps, spec: RunnerSpec) {
    this.#deps = deps;
    this.#spec = spec;
  }

  /** The id of the process; 0 while there is none. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** The container's entry in `status.containerStatuses` of its pod. */
  get status(): ContainerStatus {
    const { container, command, ip } = this.#spec;
    return {
      name: container.name,
      image: container.image,
      imageID: command === null ? '' : `local://${container.image}`,
      ...(this.pid > 0 && { containerID: `process://${ip}/${this.pid}` }),
      ready: this.#isReady,
      started: this.#state.running !== undefined,
      restartCount: this.#restartCount,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  /**
   * Runs the container until its process has ended and is not started again: because of the restart policy, or because `stopping` is
   * aborted. Without an image the container waits with the reason ImagePullBackOff, and nothing runs.
   */
  async run(stopping: AbortSignal): Promise<void> {
    const { command, container, log, missingImage, onChange, onEvent } = this.#spec;
    const { backoff, clock } = this.#deps;
    if (command === null) {
      const message = `Back-off pulling image "${missingImage}": this machine runs no images, only ${KNOWN_IMAGES}`;
      this.#state = { waiting: { reason: 'ImagePullBackOff', message } };
      onEvent('Failed', `No image for container ${container.name} on this machine`);
      onChange();
      return;
    }
    let backoffMs = backoff.firstMs;
    for (;;) {
      const startedMs = clock.monotonicMs();
      await this.#runProcess(command);
      if (stopping.aborted || !this.#mayRestart()) break;
      if (clock.monotonicMs() - startedMs >= RECOVERED_MS) backoffMs = backoff.firstMs;
      const message = `back-off ${backoffMs}ms restarting failed container=${container.name}`;
      this.#lastState = this.#state;
      this.#state = { waiting: { reason: 'CrashLoopBackOff', message } };
      onEvent('BackOff', `Back-off restarting failed container ${container.name}`);
      onChange();
      await pause(clock, backoffMs, stopping);
      if (stopping.aborted) break;
      backoffMs = Math.min(backoffMs * 2, backoff.longestMs);
      this.#restartCount += 1;
      log.beginRun();
    }
    this.finished = true;
    onChange();
  }

  /** Sends a signal to the process, if one runs. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const child = this.#process;
    if (child?.exitCode === null && child.signalCode === null) killGroup(child, signal);
  }

  /** Starts the process and waits for its end. Afterwards the state is `terminated`. */
  async #runProcess(command: Command): Promise<void> {
    const { container, log, onChange, onEvent } = this.#spec;
    const { clock, watchdog } = this.#deps;
    const startedAt = kubeTime(clock.nowMs());
    const ended = new AbortController();
    const end = runProcess(
      command,
      (line) => log.add(line),
      (process) => {
        this.#process = process;
        if (this.pid > 0) watchdog.guard(this.pid);
      },
    );
    this.#state = { running: { startedAt } };
    onEvent('Started', `Started container ${container.name}`, 'Normal');
    onChange();
    void this.#probe(ended.signal);
    const { exitCode, signal } = await end;
    ended.abort();
    if (this.pid > 0) watchdog.forget(this.pid);
    this.#process = null;
    this.#isReady = false;
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    const finishedAt = kubeTime(clock.nowMs());
    this.#state = { terminated: { exitCode, ...(signal > 0 && { signal }), reason, startedAt, finishedAt } };
  }

  /** Runs the startup probe, and then watches the readiness, until the process has ended. */
  async #probe(ended: AbortSignal): Promise<void> {
    const { container, ip } = this.#spec;
    await runStartupProbe(container, ip, this.#deps.clock, ended);
    if (!ended.aborted) await watchReadiness(container, ip, (ready) => this.#setReady(ready), this.#deps, ended);
  }

  #setReady(ready: boolean): void {
    this.#isReady = ready;
    if (!ready) this.#spec.onEvent('Unhealthy', `Readiness probe of container ${this.#spec.container.name} failed`);
    this.#spec.onChange();
  }

  #mayRestart(): boolean {
    const { restartPolicy } = this.#spec;
    if (restartPolicy === 'Never') return false;
    return restartPolicy !== 'OnFailure' || this.#state.terminated?.exitCode !== 0;
  }
}

/** How a process has ended. */
interface ProcessEnd {
  /** 128 if it could not be started, as in container runtimes, or 128 and the number of the signal that has ended it. */
  exitCode: number;
  /** Number of the signal that has ended it; 0 = none. */
  signal: number;
}

/**
 * Starts a process in its own group, so that Ctrl-C in the terminal reaches only the cluster. Resolves when it has ended, after all
 * its output. `onStart` is called before this function returns.
 */
function runProcess(
  { file, args, env }: Command,
  onLine: (line: string) => void,
  onStart: (child: ChildProcess) => void,
): Promise<ProcessEnd> {
  const end = new Promise<ProcessEnd>((resolve, reject) => {
    // Throws if an argument or a variable has a NUL.
    const child = spawn(file, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    onStart(child);
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
    child.on('error', (error) => {
      // A process that cannot be signalled has an error, too, and runs on.
      if (child.pid === undefined) reject(error);
    });
    // As in a container, what it has started ends with it. It could hold the output open, and then there would be no `close`.
    child.on('exit', () => killGroup(child, 'SIGKILL'));
    child.on('close', (code, name) => {
      const signal = name === null ? 0 : constants.signals[name];
      resolve({ exitCode: code ?? 128 + signal, signal });
    });
  });
  return end.catch((error: unknown) => {
    onLine(`cannot start: ${textOf(error)}`);
    return { exitCode: 128, signal: 0 };
  });
}

/** Sends a signal to a process and to what it has started. Does nothing if none of them runs. */
function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}
