import { readCommandLine } from './command-line.ts';
import { formatDurationMs } from './duration.ts';
import { helpText } from './help.ts';
import type { Setting } from './setting.ts';
import { flagOf, SETTINGS, type SettingName } from './settings.ts';

type Values = { [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['parse']> };

/** The whole configuration, every value valid. Durations in ms, as their names say. */
export interface Config extends Omit<Values, 'clientPort' | 'namespace' | 'staticFilePath' | 'zapConfig'> {
  /** Port to call peers on. */
  clientPort: number;
  /** Namespace to list; '' = all, null = the service account's. */
  namespace: string | null;
  refreshIntervalMs: number;
}

/** What the command line and the environment ask for. */
export type Reading =
  | { kind: 'run'; config: Config; warnings: string[] }
  | { kind: 'print'; text: string }
  | { kind: 'faulty'; faults: string[] };

interface Source {
  text: string;
  /** How the user wrote it, for messages: `--port` or `PORT`. */
  name: string;
  given: boolean;
}

/** Where a setting's text comes from: its flag, its variable, its deprecated flag or variable, its default. */
function sourceOf(
  setting: Setting<unknown>,
  flags: Map<string, string>,
  env: Record<string, string | undefined>,
  warnings: string[],
): Source {
  const older = setting.deprecated;
  const given = [
    { text: flags.get(setting.variable), name: flagOf(setting.variable) },
    { text: env[setting.variable], name: setting.variable },
  ].find(({ text }) => text !== undefined && (text !== '' || setting.emptyIsValue));
  if (given?.text !== undefined) return { text: given.text, name: given.name, given: true };
  const deprecated = [
    { text: flags.get(older?.variable ?? ''), name: flagOf(older?.variable ?? '') },
    { text: env[older?.variable ?? ''], name: older?.variable ?? '' },
  ].find(({ text }) => older !== undefined && text !== undefined && text !== '');
  if (older === undefined || deprecated?.text === undefined) {
    return { text: setting.default, name: setting.variable, given: false };
  }
  warnings.push(`${deprecated.name} is deprecated: use ${setting.variable}, e.g. ${setting.variable}=300ms`);
  try {
    return { text: older.rewrite(deprecated.text), name: deprecated.name, given: true };
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    throw new RangeError(`${deprecated.name}=${deprecated.text.slice(0, 80)}: ${said}`);
  }
}

/**
 * Reads the configuration. `args` are without node and script; `env` as in `process.env`.
 * Faults name every bad setting at once, so that nobody mends them one restart at a time. Never throws.
 */
export function readConfig(args: readonly string[], env: Record<string, string | undefined>, version: string): Reading {
  const line = readCommandLine(args);
  if (line.help) return { kind: 'print', text: helpText(version) };
  if (line.version) return { kind: 'print', text: `${version}\n` };
  const warnings: string[] = [];
  const faults = [...line.faults];
  const values: Partial<Record<SettingName, unknown>> = {};
  const given = new Set<SettingName>();
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    try {
      const source = sourceOf(setting, line.values, env, warnings);
      if (source.given) given.add(name);
      try {
        values[name] = setting.parse(source.text);
      } catch (error) {
        const shown = name === 'writeToken' ? '***' : source.text.slice(0, 80);
        faults.push(`${source.name}=${shown}: ${error instanceof Error ? error.message : ''}`);
      }
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (faults.length > 0) return { kind: 'faulty', faults };
  for (const name of ['staticFilePath', 'zapConfig'] as const) {
    if (given.has(name)) warnings.push(`${SETTINGS[name].variable} is ignored: ${SETTINGS[name].help}`);
  }
  return { kind: 'run', config: complete(values as Values, given), warnings };
}

function complete(values: Values, given: Set<SettingName>): Config {
  const { staticFilePath: _static, zapConfig: _zap, ...rest } = values;
  return {
    ...rest,
    clientPort: values.clientPort ?? values.port,
    namespace: given.has('namespace') ? (values.namespace ?? '') : null,
    refreshIntervalMs: values.refreshIntervalS * 1000,
  };
}

/** The configuration as it is logged at start: by variable, durations in Go's notation, no password or token. */
export function describeConfig(config: Config): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    if (setting.group === 'Ignored') continue;
    const value = (config as unknown as Record<string, unknown>)[name];
    if (name.endsWith('Ms')) shown[setting.variable] = formatDurationMs(value as number);
    else if (name === 'writeToken') shown[setting.variable] = value === '' ? '' : '***';
    else if (name === 'httpTargets') shown[setting.variable] = config.httpTargets.map(withoutPassword);
    else shown[setting.variable] = value;
  }
  return shown;
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//***@');
}
