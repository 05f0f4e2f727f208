import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock } from '../runtime/clock.ts';
import { dataOrFile, type Fields, fieldsOf, listOf, stringOf } from './kubeconfig-fields.ts';

/** A program that prints credentials, as `exec` of a user in a kubeconfig names it. */
export interface CredentialPlugin {
  command: string;
  args: string[];
  /** Variables besides those of our own process, KUBERNETES_EXEC_INFO among them. */
  env: Record<string, string>;
  apiVersion: string;
}

/** What a plugin has printed; '' = nothing of the kind. */
export interface Credential {
  plugin: CredentialPlugin;
  token: string;
  /** Client certificate and its key, PEM. */
  certificate: string;
  key: string;
  /** When a new one is needed, ms since the epoch; Infinity = when the API server refuses this one. */
  expiresMs: number;
}

const V1 = 'client.authentication.k8s.io/v1';
const V1BETA1 = 'client.authentication.k8s.io/v1beta1';
/** The extension of a cluster that is passed on to plugins. */
const EXTENSION = 'client.authentication.k8s.io/exec';
/** A plugin may have to ask a slow server, or a person in a browser. It is killed after this time. */
const TIMEOUT_MS = 60_000;
/** The most characters that a plugin may print. */
const MAX_OUTPUT = 1024 * 1024;

/**
 * Reads `exec` of a user. Throws an Error if client-go would not run it, or if it needs a terminal.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats
 */
export function readPlugin(exec: Fields, cluster: Fields): CredentialPlugin {
  const [command, apiVersion] = [stringOf(exec['command']), stringOf(exec['apiVersion'])];
  if (command === '') throw new Error('the credential plugin has no command');
  if (apiVersion !== V1 && apiVersion !== V1BETA1) {
    throw new Error(`the credential plugin has apiVersion "${apiVersion}": expected ${V1} or ${V1BETA1}`);
  }
  const defaultMode = apiVersion === V1BETA1 ? 'IfAvailable' : '';
  const mode = stringOf(exec['interactiveMode']) || defaultMode;
  if (mode === '') throw new Error(`the credential plugin has no interactiveMode, which ${apiVersion} requires`);
  if (mode === 'Always') throw new Error('the credential plugin needs a terminal');
  if (mode !== 'Never' && mode !== 'IfAvailable')
    throw new Error(`the credential plugin has interactiveMode "${mode}"`);
  const spec = {
    interactive: false,
    ...(exec['provideClusterInfo'] === true ? { cluster: clusterInfo(cluster) } : {}),
  };
  const pairs = listOf(exec['env'])
    .map(fieldsOf)
    .map(({ name, value }) => [stringOf(name), stringOf(value)]);
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  const env = { ...Object.fromEntries(pairs), KUBERNETES_EXEC_INFO: info };
  return { command, args: listOf(exec['args']).map(stringOf), env, apiVersion };
}

/** The cluster as a plugin with `provideClusterInfo` gets it: `spec.cluster` of an ExecCredential. */
function clusterInfo(cluster: Fields): Fields {
  const ca = dataOrFile(cluster, 'certificate-authority');
  const caData = ca.file === undefined ? ca.data : readFileSync(ca.file).toString('base64');
  const extension = listOf(cluster['extensions'])
    .map(fieldsOf)
    .find(({ name }) => name === EXTENSION);
  return {
    server: cluster['server'],
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
    'certificate-authority-data': caData,
    'proxy-url': cluster['proxy-url'],
    config: extension?.['extension'],
  };
}

/**
 * Runs a plugin. Rejects with an Error that names the plugin and has the first line of its complaint, or says what its answer
 * lacks; never with a part of the answer, which may be a credential. The plugin is killed after 60 s and when `stop` aborts.
 */
export async function runPlugin(plugin: CredentialPlugin, clock: Clock, stop: AbortSignal): Promise<Credential> {
  const name = `the credential plugin ${plugin.command.slice(0, 100)}`;
  const answer = fieldsOf(parseOutput(await outputOf(plugin, name, clock, stop), name));
  if (answer['apiVersion'] !== plugin.apiVersion) {
    throw new Error(`${name} answered with another apiVersion than ${plugin.apiVersion}`);
  }
  const status = fieldsOf(answer['status']);
  const token = stringOf(status['token']);
  const [certificate, key] = [stringOf(status['clientCertificateData']), stringOf(status['clientKeyData'])];
  if ((certificate === '') !== (key === '')) throw new Error(`${name} gave a certificate or a key, not both`);
  if (token === '' && key === '') throw new Error(`${name} gave neither a token nor a certificate`);
  const namedMs = Date.parse(stringOf(status['expirationTimestamp']));
  const expiresMs = Number.isNaN(namedMs) ? Number.POSITIVE_INFINITY : namedMs;
  return { plugin, token, certificate, key, expiresMs };
}

/** Parses what a plugin has printed. The message of `JSON.parse` would quote it. */
function parseOutput(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name} did not print JSON`);
  }
}

/** Runs a plugin and resolves with what it has printed. Its arguments may be secrets: no error has them. */
function outputOf(plugin: CredentialPlugin, name: string, clock: Clock, stop: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    stop.throwIfAborted();
    const child = spawn(plugin.command, plugin.args, {
      env: { ...process.env, ...plugin.env },
      // It must not wait for input.
      stdio: ['ignore', 'pipe', 'pipe'],
      // With a process group of its own: what a shell script has started is killed together with the shell.
      detached: true,
    });
    child.on('error', reject);
    // It could not be started. Where open files are short, it has no streams either.
    if (child.pid === undefined) return;
    const { pid } = child;
    let [output, complaint, killedBecause] = ['', '', ''];
    const kill = (reason: string) => {
      killedBecause ||= reason;
      child.stdout.destroy();
      child.stderr.destroy();
      try {
        // Not SIGTERM, which a shell may ignore: there must never be two plugins at a time.
        process.kill(-pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    const timer = clock.setTimer(() => kill(`did not end within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
    const onStop = () => kill('is no longer needed');
    stop.addEventListener('abort', onStop, { once: true });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > MAX_OUTPUT) kill(`printed more than ${MAX_OUTPUT} characters`);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // The rest is read and dropped: a plugin whose output nobody reads would hang.
      if (complaint.length < MAX_OUTPUT) complaint += text;
    });
    child.on('close', (code, signal) => {
      timer.cancel();
      stop.removeEventListener('abort', onStop);
      const firstLine = complaint.trim().split('\n')[0]?.slice(0, 300);
      if (killedBecause !== '') reject(new Error(`${name} ${killedBecause} and was killed`));
      else if (code === 0) resolve(output);
      else reject(new Error(`${name} failed: ${firstLine || `it ended with ${signal ?? `code ${code}`}`}`));
    });
  });
}
