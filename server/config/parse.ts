import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { formatDurationMs, parseDurationMs } from '../runtime/duration.ts';
import { type LinkTemplate, parseLinkTemplate } from '../runtime/link-template.ts';

/** Turns the text of a setting into its value, or throws a RangeError that says what is expected. */
export type Parser<T> = (text: string) => T;

export const anyText: Parser<string> = (text) => text;

/** The longest time that a timer of Node can wait, rounded down to days. */
const MAX_TIMER_MS = 24 * 24 * 3_600_000;

/** A duration in Go's notation, from `leastMs` to a day. Value in ms. */
export const durationMs =
  (leastMs: number): Parser<number> =>
  (text) =>
    atLeast(leastMs, parseDurationMs(text));

/** As `durationMs`, rounded to whole milliseconds, as pods ask each other for times. */
export const wholeDurationMs =
  (leastMs: number): Parser<number> =>
  (text) =>
    Math.round(durationMs(leastMs)(text));

/** The time limit of an action in Go's notation, from 1 ms to 24 days. Value in ms. */
export const timeoutMs: Parser<number> = (text) => atLeast(1, parseDurationMs(text, MAX_TIMER_MS));

function atLeast(leastMs: number, ms: number): number {
  if (ms < leastMs) throw new RangeError(`expected at least ${formatDurationMs(leastMs)}`);
  return ms;
}

/** A text that matches a pattern. The message does not repeat it, because it may have a password. */
const matching =
  (pattern: RegExp, expected: string): Parser<string> =>
  (text) => {
    if (!pattern.test(text)) throw new RangeError(`expected ${expected}`);
    return text;
  };

/** A token that is hard to guess and valid in an HTTP header (RFC 6750), or '' for none. */
export const secret = matching(
  /^(?:[A-Za-z0-9._~+/-]{16,256}=*)?$/,
  '16 to 256 letters, digits or any of ._~+/-, and then only =',
);

/** Paths of kubeconfig files of which at least one exists, or null where the setting is empty. */
export const kubeconfig: Parser<string | null> = (text) => {
  if (text !== '' && !text.split(delimiter).some((path) => path !== '' && existsSync(path))) {
    throw new RangeError('no such file');
  }
  return text === '' ? null : text;
};

/** A number in Go's decimal notation (https://pkg.go.dev/strconv#ParseFloat), such as `5e-2`; NaN for any other text. */
export function parseGoFloat(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** A whole number as Go reads it (https://pkg.go.dev/strconv#ParseInt, base 10); NaN for any other text. */
export function parseGoInt(text: string): number {
  return /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
}

const numberFrom =
  (read: (text: string) => number, what: string) =>
  (least: number, most: number): Parser<number> =>
  (text) => {
    const value = read(text);
    if (!(value >= least && value <= most)) throw new RangeError(`expected ${what} from ${least} to ${most}`);
    return value;
  };

export const decimal = numberFrom(parseGoFloat, 'a number');
export const whole = numberFrom(parseGoInt, 'a whole number');

/** Any whole number. `readConfig` replaces one outside of 1 to 100 by the nearest, with a warning, as Goldpinger does. */
export const percentage: Parser<number> = (text) => {
  const value = parseGoInt(text);
  if (Number.isNaN(value)) throw new RangeError('expected a whole number from 1 to 100');
  return value;
};

/** A number of seconds from `least` to `most`. Negative means off, as 0 does. */
export const secondsOrOff =
  (least: number, most: number): Parser<number> =>
  (text) =>
    parseGoFloat(text) <= 0 ? 0 : decimal(least, most)(text);

/** A port, or null where the setting is empty or 0. */
export const optionalPort: Parser<number | null> = (text) => (text === '' ? null : whole(0, 65_535)(text) || null);

/** As Go's strconv.ParseBool reads it. */
export const flag: Parser<boolean> = (text) => {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new RangeError('expected true or false');
};

export const oneOf =
  <T extends string>(words: readonly T[]): Parser<T> =>
  (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new RangeError(`expected one of ${words.join(', ')}`);
    return word;
  };

/** Some of `words`, separated by commas or spaces, in the order of `words`. */
export const someOf =
  <const T extends string>(words: readonly T[]): Parser<T[]> =>
  (text) => {
    const given = entriesOf(text.replaceAll(',', ' '));
    if (given.some((word) => !words.includes(word as T))) throw new RangeError(`expected some of ${words.join(', ')}`);
    return words.filter((word) => given.includes(word));
  };

function entriesOf(text: string): string[] {
  return [...new Set(text.split(/\s+/).filter((entry) => entry !== ''))];
}

/** An http or https URL. Messages never repeat it, because it may have a password. */
export const httpUrl: Parser<string> = (text) => {
  if (text.length > 2048 || !/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) {
    throw new RangeError('expected a URL such as https://goldpinger.example.com/ping');
  }
  return text;
};

/** As `parse`, or '' where the setting is empty. */
export const optional =
  (parse: Parser<string>): Parser<string> =>
  (text) =>
    text === '' ? '' : parse(text);

/** A host name for a lookup (RFC 1123, with underscores). */
export const hostName = matching(/^(?=.{1,253}$)[\w-]+(\.[\w-]+)*\.?$/, 'a host name such as kubernetes.default.svc');

/** At most `most` entries separated by spaces; duplicates are dropped. */
export const list =
  (most: number): Parser<string[]> =>
  (text) => {
    const entries = entriesOf(text);
    if (entries.length > most) throw new RangeError(`expected at most ${most} entries`);
    return entries;
  };

/** Sources of `frame-ancestors` (Content Security Policy), such as `'self' https://wiki.example.com`. */
export const frameAncestors: Parser<string[]> = (text) => {
  const sources = list(20)(text);
  const wrong = sources.find((source) => !/^('self'|'none'|[\w*.:[\]/+-]+)$/.test(source));
  if (wrong !== undefined || sources.length === 0) {
    throw new RangeError("expected 'self', 'none', * or origins such as https://wiki.example.com");
  }
  return sources;
};

/** Templates of links to other tools, `name=URL` each, with different names; as many as protocol/mesh.ts accepts. */
export const linkTemplates: Parser<LinkTemplate[]> = (text) => {
  const templates = list(10)(text).map(parseLinkTemplate);
  const twice = templates.find(({ name }, i) => templates.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new RangeError(`two templates have the name ${twice.name}`);
  return templates;
};

/** Names of nodes, separated by commas or spaces, as many as Kubernetes supports; duplicates are dropped. */
export const nodeNames: Parser<string[]> = (text) => list(5000)(text.replaceAll(',', ' '));

/** IP families to ping, separated by a comma or space. */
export const families: Parser<(4 | 6)[]> = (text) => {
  const given = someOf(['4', '6'])(text);
  if (given.length === 0) throw new RangeError('expected 4, 6 or 4,6');
  return given.map((family) => (family === '4' ? 4 : 6));
};

/** A Kubernetes label selector of bounded length, without characters that would end a query parameter. */
export const labelSelector = matching(/^[\w./!=,() -]{1,1024}$/, 'a label selector such as app=goldpinger');
