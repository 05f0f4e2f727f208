// Starts the server, goldpinger-ts.cjs beside this file, from code that was compiled beforehand: goldpinger-ts.cache, which
// deploy/code-cache.cjs has made. That takes a third off the time of a start. Where there is no cache, or one that does not
// fit, the server is compiled as by `node goldpinger-ts.cjs`.
'use strict';
const { isAscii } = require('node:buffer');
const { readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const PROGRAM = join(__dirname, 'goldpinger-ts.cjs');
const CACHE = join(__dirname, 'goldpinger-ts.cache');
/** The cache begins with a line of text that says what it fits to, filled up to this length. */
const HEADER_BYTES = 128;
/** As Node wraps a CommonJS module. */
const BEFORE = Buffer.from('(function (exports, require, module, __filename, __dirname) {');
const AFTER = Buffer.from('\n})');

/**
 * What a cache must say to be used. V8 checks only its own version and flags and the length of the source. It takes
 * damaged data for good, and would run it.
 */
function headerOf(source, data) {
  const { version, arch, platform } = process;
  return `goldpinger-ts ${version} ${platform}-${arch} ${crc32(source)} ${crc32(data)}`.padEnd(HEADER_BYTES);
}

/** The data of the cache if it was made of this very source by this very Node; undefined otherwise. */
function readCache(source) {
  let file;
  try {
    file = readFileSync(CACHE);
  } catch {
    return undefined;
  }
  const data = file.subarray(HEADER_BYTES);
  return file.toString('latin1', 0, HEADER_BYTES) === headerOf(source, data) ? data : undefined;
}

/**
 * Compiles the server. `data`: the part of a cache that V8 takes. `run` starts the server; `script` is the compiled code,
 * and `cachedDataRejected` of it says whether V8 has refused the data.
 */
function compile(source, data) {
  const wrapped = Buffer.concat([BEFORE, source, AFTER]);
  // Only the first line of a file may begin with #!.
  if (source.toString('latin1', 0, 2) === '#!') wrapped.write('//', BEFORE.length);
  // The build writes ASCII only: V8 keeps such a text with one byte for each character.
  const text = wrapped.toString(isAscii(source) ? 'latin1' : 'utf8');
  const script = new Script(text, { filename: PROGRAM, ...(data === undefined ? {} : { cachedData: data }) });
  const run = () => {
    process.argv[1] = PROGRAM;
    script.runInThisContext().call(module.exports, module.exports, require, module, PROGRAM, dirname(PROGRAM));
  };
  return { script, run };
}

function start() {
  const source = readFileSync(PROGRAM);
  compile(source, readCache(source)).run();
}

module.exports = { PROGRAM, CACHE, compile, headerOf, readCache, start };
if (require.main === module) start();
