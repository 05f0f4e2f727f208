import { createReadStream } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, NewObject } from '../api/objects.ts';
import { apiVersionOf, collectionPath, RESOURCES, type Resource } from '../api/resources.ts';
import type { ApiAccess } from '../state-folder.ts';
import { ApiCallError, callJson, readText } from './api-calls.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** kubectl keeps the applied manifest in this annotation, so that both can apply the same file in turn. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

type JsonMap = Record<string, unknown>;

type Manifest = Awaited<ReturnType<typeof readManifests>>[number];

/** Creates or changes the objects of a YAML file, and yields what kubectl would print of each. Rejects with an Error. */
export async function* applyFile(access: ApiAccess, file: string, namespace: string): AsyncGenerator<string, void> {
  for (const manifest of await readManifests(file, namespace)) {
    const { resource, object } = manifest;
    yield `${kindOf(resource)}/${object.metadata.name} ${await apply(access, manifest)}\n`;
  }
}

/** Deletes the objects of a YAML file, and yields what kubectl would print of each. Rejects with an Error. */
export async function* deleteFile(
  access: ApiAccess,
  file: string,
  namespace: string,
  body: object,
): AsyncGenerator<string, void> {
  for (const { resource, path, object } of await readManifests(file, namespace)) {
    await callJson(access, { method: 'DELETE', path, body });
    yield `${kindOf(resource)} "${object.metadata.name}" deleted\n`;
  }
}

async function apply(access: ApiAccess, { object, collection, path }: Manifest): Promise<string> {
  const text = `${JSON.stringify(object)}\n`;
  const annotations = { ...object.metadata.annotations, [LAST_APPLIED]: text };
  const body = { ...object, metadata: { ...object.metadata, annotations } };
  const stored = await storedObject(access, path);
  if (stored === undefined) {
    await callJson(access, { method: 'POST', path: collection, body });
    return 'created';
  }
  const lastText = stored.metadata.annotations?.[LAST_APPLIED];
  // Somebody may have changed it since, as `scale` does.
  if (lastText === text && hasAll(stored, object)) return 'unchanged';
  const patch = patchOf(lastText === undefined ? {} : JSON.parse(lastText), body);
  await callJson(access, { method: 'PATCH', path, body: patch, contentType: 'application/merge-patch+json' });
  return 'configured';
}

/** The merge patch that applies `next`, and removes what `last`, the manifest that was applied before, had besides. */
function patchOf(last: JsonMap, next: JsonMap): JsonMap {
  const patch: JsonMap = Object.fromEntries(Object.keys(last).map((key) => [key, null]));
  for (const [key, value] of Object.entries(next)) {
    const before = last[key];
    patch[key] = isMap(value) && isMap(before) ? patchOf(before, value) : value;
  }
  return patch;
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `pod`, `deployment.apps`. */
function kindOf({ singular, group }: Resource): string {
  return group === '' ? singular : `${singular}.${group}`;
}

/** Whether a JSON value has all fields of another one, with their values. */
function hasAll(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return value === wanted;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(wanted) && (!Array.isArray(value) || value.length !== wanted.length)) return false;
  return Object.entries(wanted).every(([key, part]) => hasAll((value as JsonMap)[key], part));
}

async function storedObject(access: ApiAccess, path: string): Promise<KubeObject | undefined> {
  try {
    return (await callJson(access, { method: 'GET', path })) as KubeObject;
  } catch (error) {
    if (error instanceof ApiCallError && error.code === 404) return undefined;
    throw error;
  }
}

/** Reads the objects of a YAML file, with the URL paths of their collections and of themselves. */
async function readManifests(file: string, namespace: string) {
  const stream: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
  const documents = parseAllDocuments(await readText(stream, file, MAX_FILE_BYTES));
  const manifests = [];
  // Without any document, the parser returns a list with the field `empty`.
  for (const document of 'empty' in documents ? [] : documents) {
    if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`);
    const object = document.toJS({ maxAliasCount: 100 }) as NewObject | null;
    if (object === null) continue;
    if (typeof object !== 'object' || !object.metadata) throw new Error(`${file}: this is not a Kubernetes object`);
    const resource = RESOURCES.find((one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion);
    if (!resource) throw new Error(`${file}: this cluster has no ${object.kind} of ${object.apiVersion}`);
    const { name } = object.metadata;
    if (name === undefined) throw new Error(`${file}: a ${object.kind} has no name`);
    const collection = collectionPath(resource, object.metadata.namespace ?? namespace);
    manifests.push({ resource, object, collection, path: `${collection}/${encodeURIComponent(name)}` });
  }
  return manifests;
}
