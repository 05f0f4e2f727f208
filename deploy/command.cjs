#!/bin/sh
// 2> /dev/null; exec env MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_MMAP_THRESHOLD_=12288 node --max-semi-space-size=1 --optimize-for-size "$0" "$@"
// The command of the npm package: `goldpinger-ts local` is the local cluster, and anything else is the server. A shell runs the
// line above, whose first command fails, and nothing else; to Node that line is a comment. The flags are those of
// deploy/process.json. `#!/usr/bin/env -S` cannot set them, because the env of Alpine does not know -S.
const { join } = require('node:path');

const isLocal = process.argv[2] === 'local';
if (isLocal) process.argv.splice(2, 1);
if (isLocal) {
  process.argv[1] = join(__dirname, '../dist/local.cjs');
  require(process.argv[1]);
} else {
  require('../dist/start.cjs').start();
}
