/** The seed of made-up meshes. */
export const SEED = 1;

/** A number in [0, 1) that depends only on its arguments, so that the same scenario always makes the same mesh. */
export function chance(seed: number, ...parts: number[]): number {
  let hash = 2166136261 ^ seed;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part + 0x9e3779b9), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}
