import { applyPatch, type Operation } from 'rfc6902';
import { failure } from './status.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonMap = { [key: string]: Json };

/**
 * Returns a stored object with a PATCH applied. The content type selects the format: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7386)
 * or Kubernetes' strategic merge patch. Throws ApiError 415 or 422.
 */
export function patched(object: unknown, patch: unknown, contentType: string): unknown {
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (type === 'application/json-patch+json') return jsonPatched(object, patch);
  if (type === 'application/merge-patch+json') return merged(object as Json, patch as Json, false);
  if (type === 'application/strategic-merge-patch+json') return merged(object as Json, patch as Json, true);
  throw failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type.slice(0, 100)}`);
}

function jsonPatched(object: unknown, patch: unknown): unknown {
  const result = structuredClone(object);
  let isApplied = false;
  try {
    isApplied = applyPatch(result, patch as Operation[]).every((error) => error === null);
  } catch {
    // The library throws a TypeError on a path below a text or number, and if the patch is no list of operations.
  }
  if (isApplied) return result;
  throw failure(422, 'Invalid', 'the server rejected our request due to an error in our request');
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
function merged(target: Json | undefined, patch: Json, strategic: boolean, listName = ''): Json {
  if (strategic && Array.isArray(patch)) return mergedList(target, patch, listName);
  if (!isMap(patch)) return patch;
  const result: JsonMap = isMap(target) && !(strategic && patch['$patch'] === 'replace') ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    // Keys with `$` are directives. Besides `$patch` they order lists, or are about fields that this cluster does not read.
    if (key === '__proto__' || (strategic && key.startsWith('$'))) continue;
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value, strategic, key);
  }
  return result;
}

/** Merges a list of a strategic patch. Known elements keep their place, and new ones come last. */
function mergedList(target: Json | undefined, patch: Json[], listName: string): Json {
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
    } else if (at >= 0) result[at] = merged(result[at], element, true);
    else result.push(merged(undefined, element, true));
  }
  return result;
}

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
