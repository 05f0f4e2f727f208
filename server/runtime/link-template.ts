/** A link of the page to another tool, such as Grafana. `url` has placeholders; see `LINK_PLACEHOLDERS`. */
export interface LinkTemplate {
  name: string;
  url: string;
}

/** What a template can name. If it is filled for a link, `pod`, `node` and `namespace` are those of its destination. */
export const LINK_PLACEHOLDERS = ['pod', 'node', 'namespace', 'from', 'to'] as const;

/** Values of the placeholders; one that is absent is not known. */
export type LinkValues = Partial<Record<(typeof LINK_PLACEHOLDERS)[number], string>>;

const MAX_LENGTH = 2000;
const PLACEHOLDER = /\{([^{}]*)\}/g;
const WEB_URL = /^https?:\/\//i;

/**
 * Parses `name=URL`. An underscore in the name is shown as a blank. Throws a RangeError that says what is wrong: other schemes
 * than http and https, user names and passwords (every reader of the page would see them), unknown or unclosed placeholders, and a
 * placeholder before the path, which could lead to another host.
 */
export function parseLinkTemplate(text: string): LinkTemplate {
  const [, name = '', url = ''] = /^([^\s=:/]{1,40})=(\S+)$/.exec(text) ?? [];
  if (url === '') throw new RangeError('expected name=URL, such as Logs=https://logs.example.com/?pod={pod}');
  if (url.length > MAX_LENGTH) throw new RangeError(`${name}: expected a URL of at most ${MAX_LENGTH} characters`);
  const unknown = [...url.matchAll(PLACEHOLDER)].find(([, word]) => !LINK_PLACEHOLDERS.some((known) => known === word));
  if (unknown !== undefined) {
    const known = LINK_PLACEHOLDERS.map((word) => `{${word}}`).join(' ');
    throw new RangeError(`${name}: ${unknown[0]} is not one of ${known}`);
  }
  if (/[{}]/.test(url.replace(PLACEHOLDER, ''))) {
    throw new RangeError(`${name}: expected { and } only around a placeholder; write %7B and %7D for others`);
  }
  if (!WEB_URL.test(url)) throw new RangeError(`${name}: expected a URL that begins with http:// or https://`);
  // Filled with two values: if they lead to two origins, a placeholder stands before the path.
  const [one, other] = ['a', 'b'].map((value) => urlOf(url.replace(PLACEHOLDER, value)));
  if (/^[^/]*\/\/[^/?#]*\{/.test(url) || one?.origin !== other?.origin) {
    throw new RangeError(`${name}: expected placeholders only after the host`);
  }
  if (one == null) throw new RangeError(`${name}: expected a valid URL`);
  if (one.username !== '' || one.password !== '') throw new RangeError(`${name}: expected a URL without a user name`);
  return { name: name.replaceAll('_', ' '), url };
}

/** The URL of a template with encoded values; null if one of its placeholders has no value, or it is not http or https. */
export function filledLink({ url }: LinkTemplate, values: LinkValues): string | null {
  let isComplete = WEB_URL.test(url);
  const filled = url.replace(PLACEHOLDER, (_, word: string) => {
    const value = LINK_PLACEHOLDERS.some((known) => known === word) ? values[word as keyof LinkValues] : undefined;
    if (value === undefined || value === '') isComplete = false;
    return encodeURIComponent((value ?? '').replace(/\p{Cs}/gu, '\ufffd'));
  });
  return isComplete ? filled : null;
}

function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
