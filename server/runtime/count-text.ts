const FORMAT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A count in a text for people, of the server and of the page: `1,092`. Never in JSON numbers or metrics. */
export function countText(count: number): string {
  return FORMAT.format(count);
}

/** A count and its noun: `1 link`, `1,092 links`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
