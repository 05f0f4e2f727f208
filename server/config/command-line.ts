import { type ParseArgsConfig, parseArgs } from 'node:util';
import { flagOf, SETTINGS, type Setting } from './settings.ts';

/** Flags of Goldpinger's HTTP server (go-swagger) that change nothing here, and what to do instead; '' = nothing is needed. */
export const IGNORED_FLAGS: ReadonlyMap<string, string> = new Map([
  ['--scheme', ''],
  ['--socket-path', ''],
  ['--graceful-timeout', 'use --shutdown-grace'],
  ['--cleanup-timeout', ''],
  ['--keep-alive', ''],
  ['--read-timeout', ''],
  ['--write-timeout', ''],
  ['--listen-limit', ''],
  ['--max-header-size', ''],
]);

/** Flags of the same HTTP server for TLS. Ignoring them would serve in plain text what was meant to be encrypted. */
const TLS_FLAGS = 'host port certificate key ca listen-limit keep-alive read-timeout write-timeout'.split(' ');
const NO_TLS = 'goldpinger-ts serves plain HTTP only; for TLS put a proxy, an Ingress or a service mesh in front of it';

/** What the command line says. The values are still texts. */
export interface CommandLine {
  help: boolean;
  version: boolean;
  /** Texts by variable name. */
  values: Map<string, string>;
  /** The nodes whose bucket is asked for: `--check-node-hash`. */
  nodeNames: string[];
  /** One sentence per flag that is ignored. */
  warnings: string[];
  /** One sentence per bad argument. */
  errors: string[];
}

/** Reads `--name value`, `--name=value` and bare switches. `args` are without node and script. Never throws. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const flags = flagsByName();
  const options: ParseArgsConfig['options'] = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } };
  for (const [name, { isSwitch }] of flags) options[name] = { type: isSwitch ? 'boolean' : 'string' };
  const withValue = ['check-node-hash', ...TLS_FLAGS.map((name) => `tls-${name}`)];
  for (const name of [...withValue, ...[...IGNORED_FLAGS.keys()].map((flag) => flag.slice(2))]) {
    options[name] = { type: 'string' };
  }
  // Not strict: parseArgs would throw at the first bad argument, and we list all of them.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const line: CommandLine = {
    help: false,
    version: false,
    values: new Map(),
    nodeNames: [],
    warnings: [],
    errors: [],
  };
  const ignored = new Set<string>();
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
      else if (flag === undefined && !Object.hasOwn(options, token.name)) {
        report(token.index, argument.split('=', 1)[0] ?? '');
      } else if (token.value === undefined && flag?.isSwitch !== true) {
        line.errors.push(`${token.rawName}: expected a value`);
      } else if (token.name === 'check-node-hash') line.nodeNames.push(token.value ?? '');
      else if (token.name.startsWith('tls-')) line.errors.push(`${token.rawName}: ${NO_TLS}`);
      else if (token.name === 'scheme' && token.value !== 'http') {
        line.errors.push(`--scheme=${String(token.value).slice(0, 80)}: ${NO_TLS}`);
      } else if (flag === undefined) ignored.add(token.rawName);
      else {
        const text = token.value ?? 'true';
        const before = flag.isRepeatable ? line.values.get(flag.variable) : undefined;
        line.values.set(flag.variable, before === undefined ? text : `${before} ${text}`);
      }
    }
  }
  for (const name of ignored) {
    const instead = IGNORED_FLAGS.get(name) || 'goldpinger-ts has limits of its own';
    line.warnings.push(`${name} is accepted for Goldpinger's sake and ignored: ${instead}`);
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
    for (const named of [setting, setting.deprecated]) {
      if (named !== undefined) flags.set(flagOf(named).slice(2), { variable: named.variable, isSwitch, isRepeatable });
    }
  }
  return flags;
}

function isBareFlag(argument = ''): boolean {
  return argument.startsWith('-') && !argument.includes('=');
}
