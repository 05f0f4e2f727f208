/**
 * Hashes texts, one after the other, to 32 bits: FNV-1a over their UTF-16 units, then the finalizer of MurmurHash3, so that
 * similar texts get very different hashes. By this hash pods choose whom they ping and who keeps copies, and pods with the same
 * list must choose alike: with another hash, old and new pods of a rollout would not.
 */
export function hash32(...texts: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
