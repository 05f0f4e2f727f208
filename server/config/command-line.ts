import type { Setting } from './setting.ts';
import { flagOf, SETTINGS } from './settings.ts';

/** What the command line says, before any value is looked at. */
export interface CommandLine {
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
export function readCommandLine(args: readonly string[]): CommandLine {
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
