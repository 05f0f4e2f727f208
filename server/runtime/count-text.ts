/**
 * A count in a text for people, of the server and of the page: `1,092`. Never in JSON numbers or metrics. The first number
 * that needs the system's format costs 10 ms, so the small ones of a start do without.
 */
export function countText(count: number): string {
  const whole = Math.round(count);
  return Math.abs(whole) < 1000 ? String(whole) : whole.toLocaleString('en');
}

/** A count and its noun: `1 link`, `1,092 links`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
