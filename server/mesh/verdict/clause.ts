/** Which pods one end of a clause's links are. */
export interface Selector {
  by: 'pod' | 'node' | 'zone' | 'label';
  /** Of `label` the key; '' otherwise. */
  key: string;
  glob: string;
}

/** What a clause says of each of its links. */
export type Condition =
  | { kind: 'healthy' }
  | { kind: 'failed' }
  | { kind: 'latency'; operator: '<' | '<=' | '>' | '>='; limitUs: number; limitText: string };

/** The figure of a link's window that a latency is compared with. */
export type Stat = 'p50' | 'p95' | 'max';

/** One expectation: `condition[,option]*`. */
export interface Clause {
  condition: Condition;
  stat: Stat;
  /** null = every pod that is judged: see `isJudged`. */
  from: Selector | null;
  to: Selector | null;
  /** What is done with a pod's link to itself. */
  self: 'include' | 'exclude' | 'only';
  /** Samples that each link needs in the window. */
  min: number;
}

/** A clause as `parseClause` reads it back: the condition, then what differs from the defaults. */
export function formatClause({ condition, stat, from, to, self, min }: Clause): string {
  const words = [condition.kind === 'latency' ? `latency${condition.operator}${condition.limitText}` : condition.kind];
  if (stat !== 'p50') words.push(`stat=${stat}`);
  if (from !== null) words.push(`from=${formatSelector(from)}`);
  if (to !== null) words.push(`to=${formatSelector(to)}`);
  if (self !== 'include') words.push(`self=${self}`);
  if (min !== 1) words.push(`min=${min}`);
  return words.join(',');
}

/** A selector as a clause has it: two that differ are told apart. */
export function formatSelector({ by, key, glob }: Selector): string {
  return by === 'label' ? `label:${key}=${glob}` : `${by}:${glob}`;
}
