import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
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
  token: string;
  /** Client certificate and its key, PEM. */
  certificate: string;
  key: string;
  /** When a new one is needed, ms since the epoch; Infinity = when the API server refuses this one. */
  expiresMs: number;
}

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
/** The extension of a cluster that is passed on to plugins. */
const EXTENSION = 'client.authentication.k8s.io/exec';
/** A login in a browser may take a while; a pod has none. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Reads `exec` of a user. Throws an Error if client-go would not run it, or if it needs a terminal.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats
 */
export function readPlugin(exec: Fields, cluster: Fields): CredentialPlugin {
  const [command, apiVersion] = [stringOf(exec['command']), stringOf(exec['apiVersion'])];
  if (command === '') throw new Error('the credential plugin has no command');
  if (!API_VERSIONS.includes(apiVersion)) {
    throw new Error(`the credential plugin has apiVersion "${apiVersion}": expected ${API_VERSIONS.join(' or ')}`);
  }
  const mode = stringOf(exec['interactiveMode']) || 'IfAvailable';
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

/** Runs a plugin. Rejects with an Error that has the first line of its complaint, or says what its answer lacks. */
export async function runPlugin(plugin: CredentialPlugin): Promise<Credential> {
  const answer = fieldsOf(JSON.parse(await outputOf(plugin)));
  if (answer['apiVersion'] !== plugin.apiVersion) {
    throw new Error(
      `the credential plugin answered with apiVersion "${stringOf(answer['apiVersion']).slice(0, 100)}", not ${plugin.apiVersion}`,
    );
  }
  const status = fieldsOf(answer['status']);
  const token = stringOf(status['token']);
  const [certificate, key] = [stringOf(status['clientCertificateData']), stringOf(status['clientKeyData'])];
  if ((certificate === '') !== (key === ''))
    throw new Error('the credential plugin gave a certificate or a key, not both');
  if (token === '' && key === '') throw new Error('the credential plugin gave neither a token nor a certificate');
  const expiresMs = Date.parse(stringOf(status['expirationTimestamp']));
  return { token, certificate, key, expiresMs: Number.isNaN(expiresMs) ? Number.POSITIVE_INFINITY : expiresMs };
}

function outputOf({ command, args, env }: CredentialPlugin): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (child.pid === undefined) reject(error);
      else
        reject(
          new Error(`the credential plugin failed: ${stderr.trim().split('\n')[0]?.slice(0, 300) || error.message}`),
        );
    });
    // It must not wait for input.
    child.stdin?.end();
  });
}
