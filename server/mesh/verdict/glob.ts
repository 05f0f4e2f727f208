/**
 * Whether `text` is as `pattern` says: `*` stands for any characters, `?` for one. Takes at most text x pattern steps,
 * as only the last star is ever gone back to; a regular expression made of a pattern could take for ever.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** Whether a pattern stands for more than one text. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?');
}
