import type { Pod } from '../../server/protocol/pod.ts';
import { filledLink, type LinkTemplate, type LinkValues } from '../../server/runtime/link-template.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';

export type StepPod = Pick<Pod, 'uid' | 'name' | 'namespace' | 'node'> & { lifecycle?: string };

interface CopyText {
  label: string;
  text: string;
}

/** A name that Kubernetes allows, so that a command with it does only what it says: a list of pods may contain anything. */
const SAFE = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** Commands that tell more about a pod and its node. None for a name that Kubernetes would not allow. */
export function podCommands({ name, namespace, node, lifecycle }: StepPod): CopyText[] {
  const steps: CopyText[] = [];
  if (SAFE.test(name) && SAFE.test(namespace)) {
    const kubectl = `kubectl -n ${namespace}`;
    if (lifecycle === 'gone') {
      steps.push({ label: 'Events', text: `${kubectl} get events --field-selector involvedObject.name=${name}` });
    } else {
      steps.push({ label: 'Describe pod', text: `${kubectl} describe pod ${name}` });
      steps.push({ label: 'Logs', text: `${kubectl} logs ${name} --tail=200` });
    }
  }
  if (SAFE.test(node)) steps.push({ label: 'Node', text: `kubectl describe node ${node}` });
  return steps;
}

/** The command that lists the pods that match `selector` ('' = every label) in `namespace` ('' = all), quoted for the shell. */
export function podListCommand(namespace: string, selector: string): string {
  const where = namespace === '' ? '-A' : `-n ${shellWord(namespace)}`;
  return `kubectl get pods ${where}${selector === '' ? '' : ` -l ${shellWord(selector)}`}`;
}

function shellWord(text: string): string {
  return /^[\w=,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The values that link templates take: of a pod, or of a link from `source` to `pod`. */
export function linkValues({ name, node, namespace }: StepPod, source?: StepPod): LinkValues {
  const own = { pod: name, node, namespace };
  return source === undefined ? own : { ...own, from: source.name, to: name };
}

export function toolLinks(templates: readonly LinkTemplate[], values: LinkValues): { name: string; href: string }[] {
  return templates.flatMap((template) => {
    const href = filledLink(template, values);
    return href === null ? [] : [{ name: template.name, href }];
  });
}

/** Time before and after the start of a finding that is replayed, ms. */
const AROUND_MS = 15_000;

/** The 30 s around the start of a finding, up to now; null if its start is not known. */
export function replayRange(sinceMs: number, nowMs: number): TimeRange | null {
  if (sinceMs <= 0 || sinceMs >= nowMs) return null;
  return { fromMs: Math.round(sinceMs - AROUND_MS), toMs: Math.round(Math.min(nowMs, sinceMs + AROUND_MS)) };
}

/** How long the time before a finding is in its report, and how far it is from the start, which is known to a few seconds only. */
const [BEFORE_MS, MARGIN_MS] = [5 * 60_000, 5_000];

/** The ranges before and during a finding for a report, within the history of `windowMs`; null if its start is not known. */
export function reportRanges(sinceMs: number, nowMs: number, windowMs: number): [TimeRange, TimeRange] | null {
  const firstMs = Math.round(nowMs - windowMs);
  const beforeMs = Math.min(BEFORE_MS, windowMs / 2);
  const beginMs = Math.round(Math.max(sinceMs, firstMs + beforeMs));
  if (sinceMs <= 0 || nowMs - beginMs < MARGIN_MS || beforeMs < 2 * MARGIN_MS) return null;
  return [
    { fromMs: Math.max(firstMs, Math.round(beginMs - beforeMs)), toMs: beginMs - MARGIN_MS },
    { fromMs: beginMs, toMs: Math.round(nowMs) },
  ];
}
