import { formatDurationMs } from '../runtime/duration.ts';
import { helpText } from './help.ts';
import { flagOf, SETTINGS, type Setting, type SettingName } from './settings.ts';

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
type Reading =
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

/** Reads the configuration of this process from its own arguments and environment. `version` is for `--version`. */
export function readOwnConfig(version: string): Reading {
  return readConfig(process.argv.slice(2), process.env, version);
}

/** What the command line says, before any value is looked at. */
interface CommandLine {
  help: boolean;
  version: boolean;
  /** Texts by variable name. */
  values: Map<string, string>;
  /** One sentence a fault. */
  faults: string[];
}

/** Variables that may be left without a value on the command line: `--use-host-ip` is `--use-host-ip=true`. */
function switches(): Set<string> {
  return new Set(
    Object.values(SETTINGS)
      .filter((setting) => setting.default === 'true' || setting.default === 'false')
      .map((setting) => setting.variable),
  );
}

/** Every variable by its flag, deprecated ones included. */
function variablesByFlag(): Map<string, string> {
  const variables = Object.values(SETTINGS).flatMap((setting) =>
    setting.deprecated === undefined ? [setting.variable] : [setting.variable, setting.deprecated.variable],
  );
  return new Map(variables.map((variable) => [flagOf(variable), variable]));
}

/** Variables whose flag adds to what was given before; any other flag that is given twice counts as given last. */
function lists(): Set<string> {
  const settings: Setting<unknown>[] = Object.values(SETTINGS);
  return new Set(settings.filter(({ repeatable }) => repeatable).map(({ variable }) => variable));
}

/** Reads `--name value`, `--name=value` and bare switches. `args` are without node and script. Never throws. */
function readCommandLine(args: readonly string[]): CommandLine {
  const line: CommandLine = { help: false, version: false, values: new Map(), faults: [] };
  const flags = variablesByFlag();
  const bare = switches();
  const repeatable = lists();
  const take = (variable: string, text: string) => {
    const before = repeatable.has(variable) ? line.values.get(variable) : undefined;
    line.values.set(variable, before === undefined ? text : `${before} ${text}`);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const equals = arg.indexOf('=');
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const variable = flags.get(name);
    if (arg === '--help' || arg === '-h') line.help = true;
    else if (arg === '--version') line.version = true;
    else if (variable === undefined) {
      line.faults.push(`${name.slice(0, 80)}: no such flag; --help lists them`);
      // Its value, if it has one, is not a second fault.
      if (name.startsWith('-') && equals < 0 && !(args[i + 1] ?? '-').startsWith('-')) i++;
    } else if (equals >= 0) take(variable, arg.slice(equals + 1));
    else if (bare.has(variable)) line.values.set(variable, 'true');
    else if (i + 1 < args.length) take(variable, args[++i] ?? '');
    else line.faults.push(`${name}: expected a value`);
  }
  return line;
}
