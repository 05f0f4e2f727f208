import { readFileSync } from 'node:fs';

/** How a program is started when it is run by its name. */
export interface Launch {
  variables: Record<string, string>;
  nodeFlags: string[];
}

/** Reads the first line of a program: `#!/usr/bin/env -S VARIABLE=value node --flag`. */
export function launchOf(program: string): Launch {
  const line = /^#!\S*env -S ([^\n]*)/.exec(readFileSync(program, 'utf8'))?.[1] ?? '';
  const words = line.split(' ').filter((word) => word !== '');
  const variables = words.slice(0, words.indexOf('node')).map((word) => word.split('=', 2) as [string, string]);
  return { variables: Object.fromEntries(variables), nodeFlags: words.slice(words.indexOf('node') + 1) };
}
