/* Requests for meshes and samples. A file of its own, because of their validators: the worker uses it, the page loads it later. */

import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';
import { type LinkSamples, parseLinkSamples } from '../../server/protocol/sample.ts';
import { getJson, serverUrl } from './client.ts';

/** Fetches the whole mesh, with statistics over `windowMs` (0 = none). Rejects with an Error that people can read. */
export async function fetchMesh(windowMs: number, signal: AbortSignal, base = document.baseURI): Promise<Mesh> {
  return getJson(serverUrl('api/v1/mesh', { window: String(windowMs) }, base), parseMesh, signal);
}

/** Fetches the recent samples of a link (pod uids). Rejects with an Error that people can read. */
export async function fetchSamples(from: string, to: string, signal: AbortSignal): Promise<LinkSamples> {
  return getJson(serverUrl('api/v1/link', { from, to }), parseLinkSamples, signal);
}

/** The samples that were known `ageMs` ago, for viewing the past. Pods keep samples only for minutes. */
export function samplesAgo(samples: LinkSamples, ageMs: number): LinkSamples {
  const nowMs = samples.nowMs - ageMs;
  const kept = samples.samples.filter(({ atMs }) => atMs <= nowMs);
  const error = samples.error === '' && kept.length === 0 ? 'No samples kept for that time' : samples.error;
  return { ...samples, nowMs, samples: kept, error };
}

/** Fetches the mesh at a time (ms since the epoch). Rejects with an Error that people can read. */
export async function fetchPastMesh(atMs: number, signal: AbortSignal): Promise<Mesh> {
  const mesh = await getJson(serverUrl('api/v1/mesh', { at: String(Math.round(atMs)) }), parseMesh, signal);
  // An older server ignores the query and returns the current mesh.
  if (mesh.past === null) throw new Error('this server keeps no history');
  return mesh;
}
