/** `address:port` as in a URL (RFC 3986, section 3.2.2): IPv6 in brackets, without the zone (`%eth0`) of a link-local address. */
export function hostPort(address: string, port: number): string {
  if (!address.includes(':')) return `${address}:${port}`;
  return `[${address.split('%', 1)[0]}]:${port}`;
}

/**
 * The same URL without user and password, for people. Where the text is no URL with a host, everything before the last `@` is
 * left out, as of `user:password@host:80`.
 */
export function withoutCredentials(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.host === '') return text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1');
  if (url.username === '' && url.password === '') return text;
  url.username = '';
  url.password = '';
  return url.href;
}

/**
 * Whether a host, with or without a port, means this machine alone: localhost, a name that ends with `.localhost` (RFC 6761),
 * 127.0.0.0/8 or ::1. A server there answers only such names in the header Host, because of DNS rebinding.
 */
export function isLoopbackHost(host: string): boolean {
  return /^(?:(?:[\w-]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|\[::1\]|::1)(?::\d+)?$/i.test(host);
}

/** Whether to listen on this host means to listen on all addresses: `0.0.0.0` and `::`, however they are written. */
export function isWildcardHost(host: string): boolean {
  return /^\[?(::ffff:)?[0.:]+\]?$/i.test(host);
}
