import type { Config } from './config/config.ts';
import { listenPassive } from './http/server.ts';
import { passiveMetrics } from './metrics/metrics.ts';
import { startUdpEcho } from './probing/udp-echo.ts';
import type { Clock } from './runtime/clock.ts';
import { pause } from './runtime/deadline.ts';
import type { Log } from './runtime/log.ts';
import type { Service } from './service.ts';

/**
 * Starts a pod on a passive node: it answers pings and datagrams (UDP_ENABLED), tells its mode, measures nothing and never talks to
 * the Kubernetes API.
 * Rejects with the system's error (EADDRINUSE, ...) if it cannot listen.
 */
export async function startPassive(
  config: Config,
  deps: { clock: Clock; log: Log; version: string },
): Promise<Service> {
  const { clock, log, version } = deps;
  let isReady = true;
  const { hostname, podName, activeNodePercentage, activeNodes } = config;
  log.info(
    { node: hostname, activeNodePercentage },
    'this node is passive: the pod answers pings, measures nothing and asks no Kubernetes API until it is restarted',
  );
  if (activeNodes.length === 0) {
    log.warn(
      {},
      'no node is sure to be active: set ACTIVE_NODES, because in a small cluster every node may be passive',
    );
  }
  const metrics = passiveMetrics(hostname || podName, version);
  const context = { clock, log, config, bootTimeMs: clock.nowMs(), isReady: () => isReady, metrics };
  const { host, udpPort } = config;
  const echo = config.udpEnabled ? await startUdpEcho({ host, port: udpPort, clock }) : null;
  const http = await listenPassive(context).catch(async (error: unknown) => {
    await echo?.stop();
    throw error;
  });
  return {
    address: http.address,
    stop: async () => {
      isReady = false;
      await pause(clock, config.shutdownGraceMs);
      await Promise.all([http.close(), echo?.stop()]);
    },
  };
}
