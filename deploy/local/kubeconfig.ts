import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';

/** What a client needs to use a cluster's API. */
export interface ApiAccess {
  url: string;
  token: string;
  caPem: string;
}

const KUBECONFIG = v.object({
  clusters: v.tuple([
    v.object({
      cluster: v.object({ server: v.string(), 'certificate-authority-data': v.pipe(v.string(), v.base64()) }),
    }),
  ]),
  users: v.tuple([v.object({ user: v.object({ token: v.string() }) })]),
});

/** Writes a kubeconfig for kubectl and client libraries. Only its owner may read it. */
export function writeKubeconfig(path: string, access: ApiAccess, user: string, namespace: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const name = 'goldpinger-local';
  const caData = Buffer.from(access.caPem).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: access.url, 'certificate-authority-data': caData } }],
    users: [{ name: user, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user, namespace } }],
    'current-context': name,
  };
  writeFileSync(path, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
}

/** Reads the kubeconfig of a local cluster. Throws an Error if the file cannot be read or has other contents. */
export function readKubeconfig(path: string): ApiAccess {
  const config: unknown = parse(readFileSync(path, 'utf8'));
  if (!v.is(KUBECONFIG, config)) throw new Error(`${path} is not the kubeconfig of a local cluster`);
  const { server: url, 'certificate-authority-data': caData } = config.clusters[0].cluster;
  return { url, token: config.users[0].user.token, caPem: Buffer.from(caData, 'base64').toString() };
}
