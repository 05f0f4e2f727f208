import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What it takes to talk to a cluster's API. */
export interface ApiAccess {
  url: string;
  token: string;
  caPem: string;
}

/** Writes a kubeconfig that only its owner may read, for kubectl and any client library. */
export function writeKubeconfig(path: string, access: ApiAccess, user: string, namespace: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const text = `apiVersion: v1
kind: Config
clusters:
- name: goldpinger-local
  cluster:
    server: ${access.url}
    certificate-authority-data: ${Buffer.from(access.caPem).toString('base64')}
users:
- name: ${user}
  user:
    token: ${access.token}
contexts:
- name: goldpinger-local
  context:
    cluster: goldpinger-local
    user: ${user}
    namespace: ${namespace}
current-context: goldpinger-local
`;
  writeFileSync(path, text, { mode: 0o600 });
}

/**
 * Reads a kubeconfig that `writeKubeconfig` wrote (kubectl may have reordered it since). Throws an Error if the file
 * cannot be read or is not one of ours.
 */
export function readKubeconfig(path: string): ApiAccess {
  const text = readFileSync(path, 'utf8');
  const value = (key: string) => new RegExp(`^\\s*(?:- )?${key}: *"?([^"\\s]+)"?\\s*$`, 'm').exec(text)?.[1];
  const url = value('server');
  const token = value('token');
  const ca = value('certificate-authority-data');
  if (!url || !token || !ca) throw new Error(`${path} is not the kubeconfig of a local cluster`);
  return { url, token, caPem: Buffer.from(ca, 'base64').toString() };
}
