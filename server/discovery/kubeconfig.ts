import { readFileSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
// This deep path leaves the generated API classes out of the bundle: see deploy/slim-bundle.mjs.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { load, YAMLException } from 'js-yaml';
import { type Credential, type CredentialPlugin, readPlugin } from './credential-plugin.ts';
import { dataOrFile, type Fields, fieldsOf, listOf, stringOf } from './kubeconfig-fields.ts';
import { type Proxies, proxyFor } from './proxy.ts';

/** Where the address of the API server and credentials are read. */
export interface LoginSource {
  /** Path of a kubeconfig, or several as in KUBECONFIG; null = use the service account of the pod. */
  kubeconfig: string | null;
  proxies?: Proxies;
  /** Put before the paths of the service account, for tests. */
  accountRoot?: string;
}

/** An API server, and how to log in to it: one context of a kubeconfig, or the service account of our pod. */
export interface Login {
  /** The configuration of `@kubernetes/client-node`, with what the credential plugin gave (null: no plugin has run). */
  configWith(credential: Credential | null): KubeConfig;
  /** Program that gives the credential; null = none. */
  plugin: CredentialPlugin | null;
  /** E.g. `https://10.96.0.1:443`, without a slash at its end. */
  server: string;
  /** Namespace of the kubeconfig's context, else of the service account, else `default`. */
  namespace: string;
  /** File of the bearer token, read again for each request; '' = none. */
  tokenFile: string;
  /** Headers that ask the API server to act as somebody else. */
  impersonation: Record<string, string | string[]>;
}

const NO_PROXIES = { https: '', http: '', none: '' };

/** Reads the kubeconfig or the service account. Throws an `Error`. */
export function readLogin({ kubeconfig, proxies = NO_PROXIES, accountRoot: root = '' }: LoginSource): Login {
  const login = kubeconfig === null ? readServiceAccount(root, proxies) : readKubeconfig(kubeconfig, proxies);
  return { ...login, namespace: login.namespace || accountNamespace(root) || 'default' };
}

/**
 * Reads the current context of a kubeconfig as client-go does (k8s.io/client-go/tools/clientcmd, rest). `paths` is one path, or
 * several as in the variable KUBECONFIG: then the first definition of a name counts, and missing files are skipped if there is
 * another one. Throws an `Error`.
 */
function readKubeconfig(paths: string, proxies: Proxies): Login {
  const files: KubeconfigFile[] = [];
  let missing: unknown = new Error('KUBECONFIG names no file');
  for (const path of paths.split(delimiter).filter((each) => each !== '')) {
    try {
      files.push({ path, fields: fieldsOf(yamlOf(path)) });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
      missing = error;
    }
  }
  if (files.length === 0) throw missing;
  const current = files.map(({ fields }) => stringOf(fields['current-context'])).find((name) => name !== '') ?? '';
  const context = entryOf(files, 'context', current);
  if (context === null) throw new Error(`the kubeconfig ${paths} has no context "${current}"`);
  const cluster = entryOf(files, 'cluster', stringOf(context['cluster']));
  if (cluster === null || stringOf(cluster['server']) === '') {
    throw new Error(`the context "${current}" of ${paths} names no cluster`);
  }
  const userName = stringOf(context['user']);
  const user = entryOf(files, 'user', userName);
  if (userName !== '' && user === null) throw new Error(`the kubeconfig ${paths} has no user "${userName}"`);
  return loginOf(cluster, user ?? {}, stringOf(context['namespace']).trim(), proxies);
}

interface KubeconfigFile {
  path: string;
  fields: Fields;
}

/** The first definition of a name; its paths are absolute. null = none. */
function entryOf(files: readonly KubeconfigFile[], kind: 'cluster' | 'user' | 'context', name: string): Fields | null {
  for (const { path, fields } of files) {
    const entries = listOf(fields[`${kind}s`]).map(fieldsOf);
    const entry = entries.find((one) => stringOf(one['name']) === name);
    if (entry !== undefined) return withAbsolutePaths(fieldsOf(entry[kind]), path);
  }
  return null;
}

/** Paths in a kubeconfig are relative to its folder. */
function withAbsolutePaths(given: Fields, kubeconfig: string): Fields {
  const absolute = (path: string) => (isAbsolute(path) ? path : join(dirname(kubeconfig), path));
  const fields = { ...given };
  for (const key of ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile']) {
    if (stringOf(fields[key]) !== '') fields[key] = absolute(stringOf(fields[key]));
  }
  const exec = fieldsOf(fields['exec']);
  // A command without a slash is looked up in PATH.
  const command = stringOf(exec['command']);
  if (command.includes('/')) fields['exec'] = { ...exec, command: absolute(command) };
  return fields;
}

/** Parses a YAML file. The message of the parser would quote it, and a kubeconfig has credentials. */
function yamlOf(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return load(text);
  } catch (error) {
    const line = error instanceof YAMLException ? `: see line ${error.mark.line + 1}` : '';
    throw new Error(`the kubeconfig ${path} is not valid YAML${line}`);
  }
}

function loginOf(cluster: Fields, user: Fields, namespace: string, proxies: Proxies): Login {
  const server = serverOf(cluster, user);
  const clusterOptions = clusterOptionsOf(cluster, server, proxies);
  const userOptions = userOptionsOf(user);
  const configWith = (credential: Credential | null) => {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [clusterOptions],
      // Without a user `@kubernetes/client-node` would leave out the TLS options of the cluster too.
      users: [{ ...userOptions, ...(credential && credentialOptions(credential, userOptions.token)) }],
      contexts: [{ name: 'context', cluster: 'cluster', user: 'user' }],
      currentContext: 'context',
    });
    return config;
  };
  return {
    configWith,
    plugin: user['exec'] ? readPlugin(fieldsOf(user['exec']), cluster) : null,
    server,
    namespace,
    tokenFile: stringOf(user['tokenFile']),
    impersonation: impersonationOf(user),
  };
}

/**
 * The URL of the server, without a slash at its end. As in client-go, one without a scheme (`localhost:8080`) is https if there is
 * anything about TLS in the cluster or the user, else http. Throws a TypeError if it is no URL.
 */
function serverOf(cluster: Fields, user: Fields): string {
  const text = stringOf(cluster['server']);
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(text);
  const isTls =
    ['certificate-authority', 'certificate-authority-data', 'insecure-skip-tls-verify'].some((key) => cluster[key]) ||
    user['client-certificate'] ||
    user['client-certificate-data'];
  return new URL(hasScheme ? text : `${isTls ? 'https' : 'http'}://${text}`).href.replace(/\/+$/, '');
}

/** `cluster` of a kubeconfig as `@kubernetes/client-node` takes it. */
function clusterOptionsOf(cluster: Fields, server: string, proxies: Proxies) {
  const isInsecure = cluster['insecure-skip-tls-verify'] === true;
  const ca = dataOrFile(cluster, 'certificate-authority');
  if (isInsecure && (ca.data || ca.file)) {
    throw new Error('a certificate-authority is not allowed together with insecure-skip-tls-verify');
  }
  return {
    name: 'cluster',
    server,
    caData: ca.data,
    caFile: ca.file,
    // `@kubernetes/client-node` accepts an `http:` server only if verification is turned off.
    skipTLSVerify: isInsecure || server.startsWith('http:'),
    tlsServerName: stringOf(cluster['tls-server-name']) || undefined,
    proxyUrl: stringOf(cluster['proxy-url']) || proxyFor(new URL(server), proxies) || undefined,
  };
}

/** `user` of a kubeconfig as `@kubernetes/client-node` takes it. */
function userOptionsOf(user: Fields) {
  const cert = dataOrFile(user, 'client-certificate');
  const key = dataOrFile(user, 'client-key');
  const textOf = (field: string) => stringOf(user[field]) || undefined;
  const [token, username, password] = [textOf('token'), textOf('username'), textOf('password')];
  if ((cert.data ?? cert.file) && !(key.data ?? key.file)) throw new Error('a client-certificate needs a client-key');
  if (token && (username || password)) throw new Error('a user has a token or a username and password, not both');
  if (user['exec'] && user['auth-provider']) throw new Error('a user has exec or an auth-provider, not both');
  return {
    name: 'user',
    certData: cert.data,
    certFile: cert.file,
    keyData: key.data,
    keyFile: key.file,
    token,
    username,
    password,
    authProvider: user['auth-provider'] ? providerOf(fieldsOf(user['auth-provider'])) : undefined,
  };
}

/** What the credential plugin gave, in place of the user's own: its certificate, and its token if the user has none. */
function credentialOptions({ token, certificate, key }: Credential, ownToken: string | undefined) {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    token: ownToken ?? (token || undefined),
    ...(key !== '' && { certData: base64(certificate), certFile: undefined, keyData: base64(key), keyFile: undefined }),
  };
}

/** Throws an Error for any other provider than `oidc`: client-go has no other any more. */
function providerOf(provider: Fields): Fields {
  const name = stringOf(provider['name']);
  if (name === 'oidc') return provider;
  const advice = 'use a credential plugin (exec), such as gke-gcloud-auth-plugin or kubelogin';
  throw new Error(`the auth-provider "${name.slice(0, 100)}" is not supported, as in kubectl since 1.26: ${advice}`);
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function impersonationOf(user: Fields): Login['impersonation'] {
  const headers: Login['impersonation'] = {};
  const add = (name: string, value: string | string[]) => {
    if (value.length > 0) headers[name] = value;
  };
  add('Impersonate-User', stringOf(user['as']));
  add('Impersonate-Uid', stringOf(user['as-uid']));
  add('Impersonate-Group', listOf(user['as-groups']).map(stringOf));
  for (const [key, values] of Object.entries(fieldsOf(user['as-user-extra']))) {
    add(`Impersonate-Extra-${encodeURIComponent(key)}`, listOf(values).map(stringOf));
  }
  if (Object.keys(headers).length > 0 && !('Impersonate-User' in headers)) {
    throw new Error('as-uid, as-groups and as-user-extra need "as", the user to act as');
  }
  return headers;
}

/** Where Kubernetes mounts a pod's service account. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Reads the service account of this pod. `root` is put before its paths. Throws an `Error` outside of a cluster. */
function readServiceAccount(root: string, proxies: Proxies): Login {
  const found = new KubeConfig();
  found.loadFromCluster(root);
  const server = found.getCurrentCluster()?.server.replace(/^http:/, 'https:') ?? '';
  // Kubernetes sets KUBERNETES_SERVICE_HOST and _PORT in every pod. `loadFromCluster` writes "undefined" for one that is missing.
  if (server === '' || /\/\/(undefined)?:|:(undefined)?$/.test(server)) {
    throw new Error(
      'neither KUBECONFIG nor KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are set: not in a cluster',
    );
  }
  const cluster = { server, 'certificate-authority': `${root}${ACCOUNT}/ca.crt` };
  return loginOf(cluster, { tokenFile: `${root}${ACCOUNT}/token` }, accountNamespace(root), proxies);
}

/** The namespace of this pod's service account; '' without one. */
function accountNamespace(root: string): string {
  try {
    return readFileSync(`${root}${ACCOUNT}/namespace`, 'utf8').trim().slice(0, 63);
  } catch {
    return '';
  }
}
