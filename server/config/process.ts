import { type Reading, readConfig } from './config.ts';

/** Reads the configuration of this process from its own arguments and environment. `version` is for `--version`. */
export function readOwnConfig(version: string): Reading {
  return readConfig(process.argv.slice(2), process.env, version);
}
