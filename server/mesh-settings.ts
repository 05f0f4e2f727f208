import type { Config } from './config/config.ts';
import type { MeshSettings } from './contract/mesh.ts';

/** The settings that a reader of the matrix needs. */
export function settingsOf(config: Config, version: string): MeshSettings {
  const { refreshIntervalMs, pingTimeoutMs, pingNumber, slowLinkMs } = config;
  const { historyWindowMs, goneRetentionMs, displayNodeName } = config;
  const pinging = { refreshIntervalMs, pingTimeoutMs, pingNumber, slowLinkMs };
  return { version, ...pinging, historyWindowMs, goneRetentionMs, displayNodeName };
}
