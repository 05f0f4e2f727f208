import { badRequest, failure } from './status.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonMap = { [key: string]: Json };

const MAX_DEPTH = 64;

/**
 * A stored object with a PATCH applied, by the patch's content type: JSON Patch (RFC 6902; add, replace, remove, test),
 * JSON Merge Patch (RFC 7386) or Kubernetes' strategic merge patch. Throws ApiError 400, 415 or 422.
 */
export function patched(object: unknown, patch: unknown, contentType: string): unknown {
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (type === 'application/json-patch+json') return jsonPatched(object as Json, patch);
  if (type === 'application/merge-patch+json') return merged(object as Json, patch as Json, false, 0);
  if (type === 'application/strategic-merge-patch+json') return merged(object as Json, patch as Json, true, 0);
  throw failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type.slice(0, 100)}`);
}

/** What names an element of a list that strategic patches merge, by the list's name; other lists are replaced whole. */
const MERGE_KEYS: Record<string, string> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
  conditions: 'type',
  ownerReferences: 'uid',
  imagePullSecrets: 'name',
};

function merged(target: Json | undefined, patch: Json, strategic: boolean, depth: number, listName = ''): Json {
  if (depth > MAX_DEPTH) throw badRequest('the patch is too deep');
  if (strategic && Array.isArray(patch)) return mergedList(target, patch, depth, listName);
  if (!isMap(patch)) return patch;
  const result: JsonMap = isMap(target) && patch['$patch'] !== 'replace' ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    // Directives that order lists or name the fields to keep; the order of what we merge is that of the patch anyway.
    if (key === '__proto__' || (strategic && key.startsWith('$'))) continue;
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value, strategic, depth + 1, key);
  }
  return result;
}

function mergedList(target: Json | undefined, patch: Json[], depth: number, listName: string): Json {
  const mapped = MERGE_KEYS[listName];
  // A Service's ports are named by `port`, a container's by `containerPort`.
  const key = mapped === 'containerPort' && patch.some((one) => isMap(one) && 'port' in one) ? 'port' : mapped;
  if (key === undefined || patch.some((one) => isMap(one) && one['$patch'] === 'replace')) {
    return patch.filter((one) => !(isMap(one) && '$patch' in one));
  }
  const result = Array.isArray(target) ? [...target] : [];
  for (const element of patch) {
    const at = result.findIndex((one) => isMap(one) && isMap(element) && one[key] === element[key]);
    if (isMap(element) && element['$patch'] === 'delete') {
      if (at >= 0) result.splice(at, 1);
    } else if (at >= 0) result[at] = merged(result[at], element, true, depth + 1);
    else result.push(merged(undefined, element, true, depth + 1));
  }
  return result;
}

function jsonPatched(object: Json, patch: unknown): Json {
  if (!Array.isArray(patch) || patch.length > 1000)
    throw badRequest('a JSON patch is a list of at most 1000 operations');
  const result = structuredClone(object);
  for (const operation of patch as { op?: unknown; path?: unknown; value?: Json }[]) {
    const path = typeof operation?.path === 'string' ? operation.path.split('/').slice(1) : [];
    const steps = path.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop();
    if (last === undefined || last === '__proto__') throw badRequest('a JSON patch operation without a usable path');
    applyOperation(holderAt(result, steps), last, operation.op, operation.value);
  }
  return result;
}

function holderAt(root: Json, steps: string[]): JsonMap | Json[] {
  let holder: Json | undefined = root;
  for (const step of steps) {
    if (Array.isArray(holder)) holder = holder[Number(step)];
    else holder = isMap(holder) && Object.hasOwn(holder, step) ? holder[step] : undefined;
  }
  if (!Array.isArray(holder) && !isMap(holder)) throw unprocessable();
  return holder;
}

function applyOperation(holder: JsonMap | Json[], key: string, op: unknown, value: Json | undefined): void {
  const list = Array.isArray(holder);
  const index = list && key === '-' ? holder.length : Number(key);
  if (list && !(index >= 0 && index <= holder.length && Number.isInteger(index))) throw unprocessable();
  const present = list ? index < holder.length : Object.hasOwn(holder, key);
  if (op !== 'add' && !present) throw unprocessable();
  if (op === 'remove') {
    if (list) holder.splice(index, 1);
    else delete holder[key];
  } else if (op === 'add' || op === 'replace') {
    if (value === undefined) throw badRequest(`a JSON patch operation "${op}" without a value`);
    if (list) holder.splice(index, op === 'add' ? 0 : 1, value);
    else holder[key] = value;
  } else if (op === 'test') {
    if (JSON.stringify(list ? holder[index] : holder[key]) !== JSON.stringify(value)) throw unprocessable();
  } else throw badRequest('a JSON patch operation that is none of add, replace, remove, test');
}

function unprocessable() {
  return failure(422, 'Invalid', 'the server rejected our request due to an error in our request');
}

function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
