// Completes package-lock.json after dependencies have changed (`npm run lock`). `npm ci` refuses a lock file that lacks an
// optional package of another platform, and npm leaves those out where the registry in use does not carry them. Their
// versions stand in the packages that want them; operating system and processor stand in their names.
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = {
  arm: ['arm', 'armv7', 'eabi', 'gnueabihf', 'musleabihf', 'eabihf'],
  arm64: ['arm64'],
  ia32: ['ia32'],
  loong64: ['loong64'],
  mips64el: ['mips64el'],
  ppc64: ['ppc64', 'ppc64le'],
  riscv64: ['riscv64'],
  s390x: ['s390x'],
  wasm32: ['wasm32'],
  x64: ['x64'],
};

/** `os`, `cpu` and `libc` of a package by its name, as npm's lock file has them. */
function platformOf(name) {
  const words = name.split('/').at(-1)?.split(/[-_.]/) ?? [];
  const system = SYSTEMS.find((candidate) => words.includes(candidate)) ?? (name === 'fsevents' ? 'darwin' : undefined);
  const processor = Object.entries(PROCESSORS).find(([, spellings]) => words.some((word) => spellings.includes(word)));
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc';
  return {
    ...(processor && { cpu: [processor[0]] }),
    ...(system && { os: [system] }),
    ...(system === 'linux' && words.some((word) => /^(gnu|musl)/.test(word)) && { libc: [libc] }),
  };
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const { packages } = lock;

/** Whether the package at `path` would find `name`, looking as Node does: from the inside out. */
function isPresent(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${at}/node_modules/${name}`.replace(/^\//, '')] !== undefined) return true;
    if (at === '') return false;
  }
}

let added = 0;
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isPresent(path, name)) continue;
    const platform = platformOf(name);
    if (!/^\d+\.\d+\.\d+[\w.+-]*$/.test(version) || (!platform.os && !platform.cpu)) {
      console.error(`${path}: cannot tell the platform or version of ${name}@${version}`);
      process.exitCode = 1;
      continue;
    }
    packages[`node_modules/${name}`] = { version, ...platform, ...(entry.dev && { dev: true }), optional: true };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${added} packages of other platforms to package-lock.json`);
