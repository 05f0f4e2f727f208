import { IGNORED_FLAGS } from './command-line.ts';
import { flagOf, GROUPS, SETTINGS, type Setting } from './settings.ts';

/** The most characters of a line. */
const WIDTH = 95;

/** Breaks a text between words into lines of at most WIDTH characters, the indent included. */
function wrap(text: string, indent = ''): string {
  const line = new RegExp(`(.{1,${WIDTH - indent.length}})(?: |$)`, 'g');
  return text.replace(line, `${indent}$1\n`).trimEnd();
}

/** The lines of one setting: flag, variable and default, then what it means. */
function describe(setting: Setting<unknown>): string {
  const shown = setting.defaultText ?? (setting.default === '' ? 'none' : setting.default);
  const older = setting.deprecated === undefined ? '' : ` Older name, deprecated: ${setting.deprecated.variable}.`;
  return `  ${flagOf(setting)}, ${setting.variable}  (${shown})\n${wrap(`${setting.help}.${older}`, ' '.repeat(8))}`;
}

/** What `--help` prints: every setting by group, with flag, variable, default and meaning. */
export function helpText(version: string): string {
  const groups = GROUPS.map((group) => {
    const settings = Object.values(SETTINGS).filter((setting) => setting.group === group);
    return `${group}\n${settings.map((setting) => describe(setting as Setting<unknown>)).join('\n')}`;
  });
  return [
    `goldpinger-ts ${version}: pings its peers in Kubernetes and shows who reaches whom, how fast.`,
    '',
    'Usage: goldpinger-ts [--flag value ...]',
    'Every setting is a flag or an environment variable; the flag wins. Durations are as in Go: 300ms, 1.5s, 1m30s.',
    '',
    groups.join('\n\n'),
    '',
    '  --help                  this text',
    '  --version               the version',
    '  --check-node-hash NAME  from which ACTIVE_NODE_PERCENTAGE on the node is active; may be repeated',
    '',
    wrap(`Flags of Goldpinger that are accepted and ignored: ${[...IGNORED_FLAGS.keys()].join(' ')}`),
    '',
  ].join('\n');
}
