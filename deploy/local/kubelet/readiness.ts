import { get } from 'node:http';
import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import type { Container } from '../api/objects.ts';
import { runToxiproxyCli } from '../client/toxiproxy-cli.ts';

const RETRY_MS = 250;
/** Toxiproxy's API where a container does not say otherwise. */
const API_PORT = 8474;

/**
 * Carries out a container's startup probe and then calls `begin`; gives a function that stops both. Of what such a probe
 * may execute only calls of `toxiproxy-cli` mean something here (PowerfulSeal sets its proxies up in this way): they
 * are made until all have succeeded, against the API at the pod's address.
 */
export function afterStartup(container: Container, ip: string, clock: Clock, begin: () => () => void): () => void {
  const commands = cliCommands(container);
  if (commands.length === 0) return begin();
  let stopped = false;
  let timer: Timer | undefined;
  let stopNext = () => {};
  const attempt = async () => {
    try {
      // From where the last attempt failed: what has been created would be refused now.
      for (let next = commands[0]; next; next = commands[0]) {
        await runToxiproxyCli(next, `http://${ip}:${API_PORT}`);
        commands.shift();
      }
    } catch {
      if (!stopped) timer = clock.setTimer(() => void attempt(), RETRY_MS);
      return;
    }
    if (!stopped) stopNext = begin();
  };
  void attempt();
  return () => {
    stopped = true;
    timer?.cancel();
    stopNext();
  };
}

/** The calls of `toxiproxy-cli` in a startup probe's shell command, as lists of arguments. */
function cliCommands({ startupProbe }: Container): string[][] {
  const script = (startupProbe?.exec?.command ?? []).join(' ');
  return script
    .split(/&&|;/)
    .map((command) => command.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => word.endsWith('toxiproxy-cli')) + 1 || words.length))
    .filter((words) => words.length > 0);
}

/** One attempt: whether the container at `ip` answers as it should. */
export type ReadinessCheck = (ip: string, port: number, path: string, timeoutMs: number) => Promise<boolean>;

/** While a container has not been ready yet, people are waiting for it. */
const EAGER_MS = 250;
const EAGER_TRIES = 120;

/** GET over a fresh connection; 200 to 399 is ready, as for a real kubelet. */
export const httpCheck: ReadinessCheck = (host, port, path, timeoutMs) =>
  new Promise((resolve) => {
    const request = get({ host, port, path, agent: false, timeout: timeoutMs }, (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      resolve(status >= 200 && status < 400);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });

/**
 * Keeps asking whether a container is ready and calls `onChange` when that changes; gives a function that stops it.
 * A container without an HTTP readiness probe is ready at once. Until it is ready for the first time it is asked every
 * 250 ms (for 30 s), after that every `periodSeconds`; `failureThreshold` failures in a row make it not ready.
 */
export function watchReadiness(
  container: Container,
  ip: string,
  onChange: (ready: boolean) => void,
  seams: { clock: Clock; check: ReadinessCheck },
): () => void {
  const probe = container.readinessProbe;
  const port = portOf(container);
  if (!probe?.httpGet || port === undefined) {
    onChange(true);
    return () => {};
  }
  const path = probe.httpGet.path ?? '/';
  const periodMs = Math.max(1, probe.periodSeconds ?? 10) * 1000;
  const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000;
  const threshold = Math.max(1, probe.failureThreshold ?? 3);
  let timer: Timer | undefined;
  let stopped = false;
  let ready = false;
  let failures = 0;
  let eagerTries = EAGER_TRIES;
  const ask = async () => {
    const good = await seams.check(ip, port, path, timeoutMs);
    if (stopped) return;
    failures = good ? 0 : failures + 1;
    if (good !== ready && (good || failures >= threshold)) {
      ready = good;
      onChange(ready);
    }
    eagerTries = good ? 0 : eagerTries - 1;
    timer = seams.clock.setTimer(() => void ask(), eagerTries > 0 ? Math.min(EAGER_MS, periodMs) : periodMs);
  };
  timer = seams.clock.setTimer(() => void ask(), EAGER_MS);
  return () => {
    stopped = true;
    timer?.cancel();
  };
}

function portOf({ readinessProbe, ports }: Container): number | undefined {
  const port = readinessProbe?.httpGet?.port;
  return typeof port === 'number' ? port : ports?.find((one) => one.name === port)?.containerPort;
}
