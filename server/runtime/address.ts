/** `address:port` as in a URL (RFC 3986, section 3.2.2): IPv6 in brackets, without the zone (`%eth0`) of a link-local address. */
export function hostPort(address: string, port: number): string {
  if (!address.includes(':')) return `${address}:${port}`;
  return `[${address.split('%', 1)[0]}]:${port}`;
}
