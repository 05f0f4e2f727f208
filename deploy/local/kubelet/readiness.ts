import { get } from 'node:http';
import type { Clock, Timer } from '../../../server/contract/seams.ts';
import type { Container } from '../api/objects.ts';

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
