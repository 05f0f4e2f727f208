import { type ParseArgsConfig, parseArgs } from 'node:util';
import { flagOf, SETTINGS, type Setting } from './settings.ts';

/** What the command line says. The values are still texts. */
export interface CommandLine {
  help: boolean;
  version: boolean;
  /** Texts by variable name. */
  values: Map<string, string>;
  /** One sentence per bad argument. */
  errors: string[];
}

/** Reads `--name value`, `--name=value` and bare switches. `args` are without node and script. Never throws. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const flags = flagsByName();
  const options: ParseArgsConfig['options'] = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } };
  for (const [name, { isSwitch }] of flags) options[name] = { type: isSwitch ? 'boolean' : 'string' };
  // Not strict: parseArgs would throw at the first bad argument, and we list all of them.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const line: CommandLine = { help: false, version: false, values: new Map(), errors: [] };
  /** Index of the last argument that was reported. `-abc` has three tokens, an unknown flag may have a value after it. */
  let reported = -1;
  const report = (index: number, name: string) => {
    if (index !== reported) line.errors.push(`${name.slice(0, 80)}: no such flag; --help lists them`);
    reported = index;
  };
  for (const token of tokens) {
    const argument = args[token.index] ?? '';
    if (token.kind === 'positional') {
      const isValueOfUnknown = reported === token.index - 1 && isBareFlag(args[reported]);
      if (!isValueOfUnknown) report(token.index, argument);
    } else if (token.kind === 'option') {
      const flag = flags.get(token.name);
      if (token.name === 'help') line.help = true;
      else if (token.name === 'version') line.version = true;
      else if (flag === undefined) report(token.index, argument.split('=', 1)[0] ?? '');
      else if (token.value === undefined && !flag.isSwitch) line.errors.push(`${token.rawName}: expected a value`);
      else {
        const text = token.value ?? 'true';
        const before = flag.isRepeatable ? line.values.get(flag.variable) : undefined;
        line.values.set(flag.variable, before === undefined ? text : `${before} ${text}`);
      }
    }
  }
  return line;
}

interface Flag {
  variable: string;
  /** It may be left without a value: `--use-host-ip` is `--use-host-ip=true`. */
  isSwitch: boolean;
  /** Each use adds to a list; of any other flag that is given twice the last use counts. */
  isRepeatable: boolean;
}

/** Every flag by its name without the dashes, deprecated ones included. */
function flagsByName(): Map<string, Flag> {
  const flags = new Map<string, Flag>();
  for (const setting of Object.values(SETTINGS) as Setting<unknown>[]) {
    const isSwitch = setting.default === 'true' || setting.default === 'false';
    const isRepeatable = setting.repeatable === true;
    for (const variable of [setting.variable, setting.deprecated?.variable]) {
      if (variable !== undefined) flags.set(flagOf(variable).slice(2), { variable, isSwitch, isRepeatable });
    }
  }
  return flags;
}

function isBareFlag(argument = ''): boolean {
  return argument.startsWith('-') && !argument.includes('=');
}
