/** The latest moment that is accepted or written, ms since the epoch: RFC 3339 has no years after 9999. */
export const LAST_MOMENT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Reads a moment as a client writes it, ms since the epoch or RFC 3339. Result in ms since the epoch; -1 if it is none. */
export function parseMoment(text: string): number {
  const ms = /^\d{1,15}(\.\d{1,6})?$/.test(text) ? Number(text) : parseRfc3339(text);
  return ms <= LAST_MOMENT_MS ? ms : -1;
}

/** RFC 3339, section 5.6, as Go's strfmt.DateTime writes it; lower case and any number of fraction digits are valid. */
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Reads an RFC 3339 time. Result in ms since the epoch; -1 if it is none, names no real day or lies before 1970. */
export function parseRfc3339(text: string): number {
  const parts = RFC3339.exec(text);
  if (parts === null) return -1;
  const [, year, month, day] = parts.map(Number);
  // Date.parse turns 30 February into 2 March, so the day is checked against the calendar first.
  const calendar = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  if (calendar.getUTCMonth() + 1 !== month || calendar.getUTCDate() !== day) return -1;
  // Unix time has no number for a leap second: it is read as the second before it.
  const time = Date.parse(text.toUpperCase().replace(/:60(?=[.Z+-])/, ':59'));
  return time >= 0 ? time : -1;
}
