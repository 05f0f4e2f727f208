import { execFileSync, spawnSync } from 'node:child_process';

/** A program that these tests drive: how to tell that it is there, and how to get it. */
export interface Tool {
  name: string;
  version: string[];
  install: string;
}

/** The programs that `npm run test:deploy` needs. */
export const HELM: Tool = {
  name: 'helm',
  version: ['version', '--short'],
  install: 'go install helm.sh/helm/v3/cmd/helm@v3.16.4, and have the folder of `go env GOPATH`/bin in PATH',
};
export const KUBECTL: Tool = {
  name: 'kubectl',
  version: ['version', '--client'],
  install: 'see https://kubernetes.io/docs/tasks/tools/',
};

/** Throws an Error that says what is missing and how to get it, unless the program answers. */
export function demand({ name, version, install }: Tool): void {
  const { error, status } = spawnSync(name, version, { stdio: 'ignore', timeout: 60_000 });
  if (error !== undefined || status !== 0) throw new Error(`${name} is missing: ${install}`);
}

/** What a program prints; throws an Error with its complaint if it fails. */
export function output({ name }: Tool, args: string[]): string {
  return execFileSync(name, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    maxBuffer: 2 ** 26,
  });
}

/** What a program complains of; throws an Error if it does not fail. */
export function complaint({ name }: Tool, args: string[]): string {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8', timeout: 120_000 });
  if (status === 0) throw new Error(`${name} ${args.join(' ')} did not fail`);
  return stderr;
}
