import { applyPatch, type Operation } from 'rfc6902';
import { badRequest, failure } from './status.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonMap = { [key: string]: Json };

/** The deepest nesting of a merge patch, and the most operations of a JSON patch. */
const MAX_DEPTH = 64;
const MAX_OPERATIONS = 1000;

/**
 * Returns a stored object with a PATCH applied. The content type selects the format: JSON Patch (RFC 6902; add,
 * replace, remove, test), JSON Merge Patch (RFC 7386) or Kubernetes' strategic merge patch. Throws ApiError 400, 415 or 422.
 */
export function patched(object: unknown, patch: unknown, contentType: string): unknown {
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (type === 'application/json-patch+json') return jsonPatched(object, patch);
  if (type === 'application/merge-patch+json') return merged(object as Json, patch as Json, false, 0);
  if (type === 'application/strategic-merge-patch+json') return merged(object as Json, patch as Json, true, 0);
  throw failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type.slice(0, 100)}`);
}

function jsonPatched(object: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch) || patch.length > MAX_OPERATIONS) {
    throw badRequest(`a JSON patch is a list of at most ${MAX_OPERATIONS} operations`);
  }
  if (!patch.every(isOperation)) throw badRequest('each JSON patch operation must be add, replace, remove or test');
  const result = structuredClone(object);
  if (!appliesTo(result, patch)) {
    throw failure(422, 'Invalid', 'the server rejected our request due to an error in our request');
  }
  return result;
}

/**
 * Whether an operation is complete and supported. `move` and `copy` are not, because repeated copies grow without bound.
 * Neither is the path '' (the whole object), because `applyPatch` changes its target in place, nor one with `__proto__`, which
 * could change a prototype.
 */
function isOperation(value: unknown): value is Operation {
  const { op, path, value: operand } = (value ?? {}) as Record<string, unknown>;
  if (typeof path !== 'string' || !path.startsWith('/') || path.includes('__proto__')) return false;
  return op === 'remove' || ((op === 'add' || op === 'replace' || op === 'test') && operand !== undefined);
}

/** Applies the operations to `target`. Returns false if one of them does not fit. */
function appliesTo(target: unknown, operations: Operation[]): boolean {
  try {
    return applyPatch(target, operations).every((error) => error === null);
  } catch {
    return false; // The library throws a TypeError on a path below a text or number.
  }
}

/** The field that identifies an element of a list in strategic patches, by list name. Other lists are replaced whole. */
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

/** A value with a merge patch applied. `strategic`: by Kubernetes' rules. `listName`: the field that the value stands in. */
function merged(target: Json | undefined, patch: Json, strategic: boolean, depth: number, listName = ''): Json {
  if (depth > MAX_DEPTH) throw badRequest('the patch is nested too deeply');
  if (strategic && Array.isArray(patch)) return mergedList(target, patch, depth, listName);
  if (!isMap(patch)) return patch;
  const result: JsonMap = isMap(target) && !(strategic && patch['$patch'] === 'replace') ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    // Keys with `$` are directives of strategic patches. Those about order and kept fields are ignored: see `mergedList`.
    if (key === '__proto__' || (strategic && key.startsWith('$'))) continue;
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value, strategic, depth + 1, key);
  }
  return result;
}

/**
 * Merges a list of a strategic patch. Known elements keep their place, and new ones come last. `$setElementOrder` is ignored:
 * it orders elements, and changes none.
 */
function mergedList(target: Json | undefined, patch: Json[], depth: number, listName: string): Json {
  const mapped = MERGE_KEYS[listName];
  // A Service's ports are identified by `port`, a container's by `containerPort`.
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

function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
