#!/usr/bin/env node
// The command of the npm package: `goldpinger-ts local` is the local cluster, and anything else is the server.
const { join } = require('node:path');

const isLocal = process.argv[2] === 'local';
if (isLocal) process.argv.splice(2, 1);
if (isLocal) {
  process.argv[1] = join(__dirname, '../dist/local.cjs');
  require(process.argv[1]);
} else {
  require('../dist/start.cjs').start();
}
