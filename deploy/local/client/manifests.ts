import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, NewObject } from '../api/objects.ts';
import { isMap } from '../api/patch.ts';
import { apiVersionOf, collectionPath, qualifiedName, RESOURCES } from '../api/resources.ts';
import type { ApiAccess } from '../state-folder.ts';
import { callJson } from './api-calls.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** kubectl keeps the applied manifest in this annotation, so that both can apply the same file in turn. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

type Manifest = Awaited<ReturnType<typeof readManifests>>[number];

/**
 * Creates the objects of a YAML file, or changes those that exist: the fields of the manifest are set, lists as a whole, and those that
 * the manifest applied before had besides are removed. Yields what kubectl would print of each. Rejects with an Error.
 */
export async function* applyFile(access: ApiAccess, file: string, namespace: string): AsyncGenerator<string, void> {
  for (const manifest of await readManifests(file, namespace)) {
    yield `${manifest.title}/${manifest.name} ${await apply(access, manifest)}\n`;
  }
}

/** Deletes the objects of a YAML file, and yields what kubectl would print of each. Rejects with an Error. */
export async function* deleteFile(
  access: ApiAccess,
  file: string,
  namespace: string,
  body: object,
): AsyncGenerator<string, void> {
  for (const { title, name, path } of await readManifests(file, namespace)) {
    await callJson(access, { method: 'DELETE', path, body });
    yield `${title} "${name}" deleted\n`;
  }
}

async function apply(access: ApiAccess, { object, name, collection, path }: Manifest): Promise<string> {
  const annotations = { ...object.metadata.annotations, [LAST_APPLIED]: `${JSON.stringify(object)}\n` };
  const next = { ...object, metadata: { ...object.metadata, annotations } };
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${name}` });
  const list = (await callJson(access, { method: 'GET', path: `${collection}?${query}` })) as { items: KubeObject[] };
  const [stored] = list.items;
  if (!stored) {
    await callJson(access, { method: 'POST', path: collection, body: next });
    return 'created';
  }
  const last: unknown = JSON.parse(stored.metadata.annotations?.[LAST_APPLIED] ?? '{}');
  const body = patchOf(last, next) as object;
  const contentType = 'application/merge-patch+json';
  const patched = (await callJson(access, { method: 'PATCH', path, body, contentType })) as KubeObject;
  return patched.metadata.resourceVersion === stored.metadata.resourceVersion ? 'unchanged' : 'configured';
}

/** A merge patch that sets all fields of `next`, and removes those that only `last` has. */
function patchOf(last: unknown, next: unknown): unknown {
  if (!isMap(next)) return next;
  const before: Partial<typeof next> = Object(last);
  const fields = Object.keys({ ...before, ...next });
  return Object.fromEntries(fields.map((field) => [field, patchOf(before[field], next[field] ?? null)]));
}

/** Reads the objects of a YAML file, with the URL paths of their collections and of themselves. */
async function readManifests(file: string, namespace: string) {
  // One byte more than allowed is read: a device such as /dev/zero has no end.
  const yaml = await text(file === '-' ? process.stdin : createReadStream(file, { end: MAX_FILE_BYTES }));
  if (Buffer.byteLength(yaml) > MAX_FILE_BYTES) throw new Error(`${file} has more than ${MAX_FILE_BYTES} bytes`);
  const manifests = [];
  for (const document of parseAllDocuments(yaml)) {
    if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`);
    const object = document.toJS({ maxAliasCount: 100 }) as NewObject | null;
    if (object === null) continue;
    if (typeof object !== 'object' || !object.metadata) throw new Error(`${file}: this is not a Kubernetes object`);
    const resource = RESOURCES.find((one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion);
    if (!resource) throw new Error(`${file}: this cluster has no ${object.kind} of ${object.apiVersion}`);
    const { name } = object.metadata;
    if (name === undefined) throw new Error(`${file}: a ${object.kind} has no name`);
    const collection = collectionPath(resource, object.metadata.namespace ?? namespace);
    // `pod`, `deployment.apps`.
    const title = qualifiedName({ ...resource, plural: resource.singular });
    manifests.push({ title, name, object, collection, path: `${collection}/${encodeURIComponent(name)}` });
  }
  return manifests;
}
