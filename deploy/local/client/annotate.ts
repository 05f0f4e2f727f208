import { parseWrittenAnnotation } from '../../../server/protocol/annotation.ts';

/** A new annotation. The pods choose what is undefined. Times are ms since the epoch or RFC 3339. */
interface NewAnnotation {
  text: string;
  from: string | undefined;
  to: string | undefined;
  id: string | undefined;
  tags: string[];
}

const TIMEOUT_MS = 15_000;

/** Writes an annotation to the pods behind `url`, and returns the message for the user. Rejects with the pods' error. */
export async function annotateCluster(url: string, token: string, annotation: NewAnnotation): Promise<string> {
  const response = await fetch(`${url}/api/v1/annotations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(annotation),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body: unknown = await response.json();
  if (response.status !== 201) throw new Error(`Error from server: ${(body as { message?: string }).message}`);
  const { annotation: written, taken, missing } = parseWrittenAnnotation(body);
  const missingLines = missing.map(({ name, detail }) => `  not ${name}: ${detail}\n`).join('');
  return `annotation "${written?.id ?? ''}" set, ${taken} pod${taken === 1 ? ' has' : 's have'} it\n${missingLines}`;
}
