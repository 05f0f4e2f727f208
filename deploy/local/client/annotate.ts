import { parseWrittenAnnotation } from '../../../server/contract/annotation.ts';

/** What is to be written; `undefined` is left to the pods. Times are ms since the epoch or RFC 3339. */
export interface Mark {
  text: string;
  from: string | undefined;
  to: string | undefined;
  id: string | undefined;
  tags: string[];
}

const TIMEOUT_MS = 15_000;

/**
 * Writes an annotation on the pods behind `url`; gives what to tell the user. Rejects with an Error that says what they
 * answered.
 */
export async function annotateCluster(url: string, token: string, mark: Mark): Promise<string> {
  const answer = await fetch(`${url}/api/v1/annotations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(mark),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body: unknown = await answer.json();
  if (answer.status !== 201) throw new Error(`Error from server: ${(body as { message?: string }).message}`);
  const { annotation, taken, missing } = parseWrittenAnnotation(body);
  const lacking = missing.map(({ name, detail }) => `  not ${name}: ${detail}\n`).join('');
  return `annotation "${annotation?.id ?? ''}" set, ${taken} pod${taken === 1 ? ' has' : 's have'} it\n${lacking}`;
}
