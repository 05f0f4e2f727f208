import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** One instruction of a Dockerfile: its word in capitals, and the rest with continued lines joined. */
interface Instruction {
  word: string;
  rest: string;
}

/** One stage: what it starts from, its name ('' if it has none) and its instructions. */
export interface Stage {
  base: string;
  name: string;
  instructions: Instruction[];
}

/** The stages of a Dockerfile, in order. Comments and blank lines are left out. */
export function stagesOf(text: string): Stage[] {
  const lines = text
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const [base = '', , name = ''] = rest.split(/\s+/).filter((part) => !part.startsWith('--'));
      stages.push({ base, name, instructions: [] });
    } else stages.at(-1)?.instructions.push({ word, rest });
  }
  return stages;
}

/** What the last instruction of that word says; '' if there is none. */
export function lastOf(stage: Stage, word: string): string {
  return stage.instructions.findLast((instruction) => instruction.word === word)?.rest ?? '';
}

/** The variables that a stage sets, quotes removed. */
export function envOf(stage: Stage): Record<string, string> {
  const texts = stage.instructions.filter(({ word }) => word === 'ENV').map(({ rest }) => rest);
  return Object.fromEntries(
    [...texts.join(' ').matchAll(/(\w+)=("[^"]*"|\S*)/g)].map(([, name, value]) => [name, value?.replaceAll('"', '')]),
  );
}

/**
 * Carries out a stage's COPY instructions: files of `context`, or of the root of the stage that `--from` names, into
 * `root`. As Docker does, a folder's contents are copied, and a target that ends with `/` is a folder.
 */
export function copyInto(root: string, stage: Stage, context: string, roots: Record<string, string> = {}): void {
  for (const { rest } of stage.instructions.filter(({ word }) => word === 'COPY')) {
    const parts = rest.split(/\s+/);
    const from = parts.find((part) => part.startsWith('--from='))?.slice('--from='.length);
    const paths = parts.filter((part) => !part.startsWith('--'));
    const target = paths.pop() ?? '';
    const source = from === undefined ? context : (roots[from] ?? '');
    const isFolder = target.endsWith('/') || paths.length > 1;
    for (const path of paths) {
      const here = join(source, path);
      if (!existsSync(here)) throw new Error(`COPY ${rest}: there is no ${path}`);
      const there = join(root, target);
      mkdirSync(isFolder ? there : join(there, '..'), { recursive: true });
      cpSync(here, isFolder && !statSync(here).isDirectory() ? join(there, basename(path)) : there, {
        recursive: true,
      });
    }
  }
}
