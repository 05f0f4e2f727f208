import { parseArgs } from 'node:util';
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

/** Goldpinger (go-flags) ignores such words. The text does not repeat them: see `hasStrayWords`. */
const STRAY_WORD =
  'belongs to no flag and is ignored: a switch takes a value only after =, as --use-host-ip=false, and a list needs quotes';

/** What the command line says. The values are still texts. */
interface CommandLine {
  help: boolean;
  version: boolean;
  /** Texts by variable name. */
  values: Map<string, string>;
  /** The nodes whose bucket is asked for: `--check-node-hash`. */
  nodeNames: string[];
  /** Whether there are words that belong to no flag. One may be a password: the second URL of a list without quotes. */
  hasStrayWords: boolean;
  /** One sentence for each flag that is ignored, and for each flag with such words behind it. */
  warnings: Set<string>;
  /** One sentence for each bad argument. */
  errors: Set<string>;
}

/** One flag. A `boolean` may be left without a value: `--use-host-ip` is `--use-host-ip=true`. */
interface Flag {
  type: 'boolean' | 'string';
  short?: string;
  /** Notes a use of the flag in the command line. */
  take(value: string, flag: string): void;
}

/** Reads `--name value`, `--name=value` and bare switches. `args` are without node and script. Never throws. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const line: CommandLine = {
    help: false,
    version: false,
    values: new Map(),
    nodeNames: [],
    hasStrayWords: false,
    warnings: new Set(),
    errors: new Set(),
  };
  const options = flagsOf(line);
  // Not strict: parseArgs would throw at the first bad argument, and we list all of them.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  let before = 'the command';
  for (const token of tokens) {
    if (token.kind === 'positional') {
      line.hasStrayWords = true;
      line.warnings.add(`a word after ${before} ${STRAY_WORD}`);
    } else if (token.kind === 'option') {
      before = token.rawName;
      const flag = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
      // The argument, because `-abc` is three tokens.
      const [name = ''] = (args[token.index] ?? '').split('=', 1);
      if (flag === undefined) line.errors.add(`${name.slice(0, 80)}: no such flag; --help lists them`);
      else if (token.value === undefined && flag.type === 'string') line.errors.add(`${before}: expected a value`);
      // Mostly the value is missing, as with an empty variable of a shell. The text does not repeat the word: it may be a password.
      else if (token.inlineValue === false && /^-[^\d.]/.test(token.value)) {
        line.errors.add(
          `${before}: expected a value, but the next word begins with -; write ${before}=VALUE if it is the value`,
        );
      } else flag.take(token.value ?? 'true', before);
    }
  }
  return line;
}

/** Every flag by its name without the dashes, deprecated ones included. Each writes its values to `line`. */
function flagsOf(line: CommandLine): Record<string, Flag> {
  const flags: Record<string, Flag> = {
    help: { type: 'boolean', short: 'h', take: () => Object.assign(line, { help: true }) },
    version: { type: 'boolean', take: () => Object.assign(line, { version: true }) },
    'check-node-hash': { type: 'string', take: (name) => line.nodeNames.push(name) },
  };
  for (const name of TLS_FLAGS) {
    flags[`tls-${name}`] = { type: 'string', take: (_, flag) => line.errors.add(`${flag}: ${NO_TLS}`) };
  }
  for (const [name, instead] of IGNORED_FLAGS) {
    const reason = instead || 'goldpinger-ts has limits of its own';
    const warning = `${name} is accepted for Goldpinger's sake and ignored: ${reason}`;
    const take = (value: string) => {
      if (name === '--scheme' && value !== 'http') line.errors.add(`--scheme=${value.slice(0, 80)}: ${NO_TLS}`);
      else line.warnings.add(warning);
    };
    flags[name.slice(2)] = { type: 'string', take };
  }
  for (const setting of Object.values(SETTINGS) as Setting<unknown>[]) {
    const isSwitch = setting.default === 'true' || setting.default === 'false';
    for (const named of [setting, setting.deprecated]) {
      if (named === undefined) continue;
      const take = (value: string) => {
        // Each use adds to a list; of any other flag that is given twice the last use counts.
        const before = setting.repeatable ? line.values.get(named.variable) : undefined;
        line.values.set(named.variable, before === undefined ? value : `${before} ${value}`);
      };
      flags[flagOf(named).slice(2)] = { type: isSwitch ? 'boolean' : 'string', take };
    }
  }
  return flags;
}
