import { readdirSync, readFileSync } from 'node:fs';

/** The scripts that the built page in `pageDir` loads before its first picture: file names in its folder `assets`, the worker's included. */
export function firstScripts(pageDir: string): string[] {
  const [, entry = ''] = /src="\.\/assets\/([^"]+\.js)"/.exec(readFileSync(`${pageDir}/index.html`, 'utf8')) ?? [];
  const first = new Set([entry, ...readdirSync(`${pageDir}/assets`).filter((name) => /^worker.*\.js$/.test(name))]);
  // A set can grow while it is read: static imports of static imports.
  for (const name of first) {
    const script = readFileSync(`${pageDir}/assets/${name}`, 'utf8');
    for (const [, other = ''] of script.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) first.add(other);
  }
  return [...first];
}
