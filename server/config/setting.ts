import { durationMs, type Parser } from './parsers.ts';

/** Headings of `--help`, in order. */
export const GROUPS = [
  'Listening',
  'Peers',
  'Pinging',
  'External probes',
  'Asking peers',
  'Answers',
  'Ignored',
] as const;

/** One setting: how it is named, read and explained. The flag is the variable in kebab case. */
export interface Setting<T> {
  variable: string;
  group: (typeof GROUPS)[number];
  /** As it would be written in the variable. */
  default: string;
  /** What `--help` says of the default where the value does not say it. */
  defaultWords?: string;
  parse: Parser<T>;
  help: string;
  /** An older name, and how its value is rewritten to this one's notation; accepted with one warning. */
  deprecated?: { variable: string; rewrite: (text: string) => string };
  /** A list: the flag may be given several times, as Goldpinger's may, and each adds to it. */
  repeatable?: true;
  /** An empty value means something of its own instead of "unset". */
  emptyIsValue?: true;
}

/** A setting as it is described: its value's type comes from its parser. */
export const setting = <T>(description: Setting<T>): Setting<T> => description;

/** Goldpinger's older `*_TIMEOUT_MS` integers. */
const inMs = (variable: string) => ({
  variable,
  rewrite: (text: string) => {
    if (!/^\d+$/.test(text)) throw new RangeError('expected a whole number of milliseconds');
    return `${text}ms`;
  },
});

/** A deadline in Go's notation, at least 1 ms; its older name with `_MS` counts whole milliseconds. */
export const timeout = (variable: string, group: Setting<number>['group'], byDefault: string, help: string) =>
  setting({
    variable,
    group,
    default: byDefault,
    parse: durationMs(1),
    help,
    deprecated: inMs(`${variable}_MS`),
  });
