/** A number in [0, 1) that depends on nothing but its arguments: the same scenario draws the same mesh for ever. */
export function chance(seed: number, ...parts: number[]): number {
  let hash = 2166136261 ^ seed;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part + 0x9e3779b9), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}

/** `length` characters of those that Kubernetes gives pods for a suffix. */
export function suffix(seed: number, index: number, length: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  let text = '';
  for (let i = 0; i < length; i++) text += letters[Math.floor(chance(seed, index, i) * letters.length)];
  return text;
}
