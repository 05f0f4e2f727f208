/** A mistake in a clause, and where: `at` counts characters from 1. */
export class ClauseError extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Milliseconds of a Go duration; throws an Error that says what is expected. */
export type ParseDuration = (text: string) => number;

/** The most samples a link can be asked for: what its window can count. */
const MAX_MIN = 65_535;
const STATS: readonly Stat[] = ['p50', 'p95', 'max'];
const SELVES = ['include', 'exclude', 'only'] as const;
const OPTIONS = ['stat', 'from', 'to', 'self', 'min'] as const;
/** What names of pods, nodes, zones and label values are made of, with the wildcards; a pod's namespace goes before. */
const GLOB = /^[\w.*?-]+$/;
const POD_GLOB = /^(?:[\w.*?-]+\/)?[\w.*?-]+$/;
const LABEL_KEY = /^(?:[\w.-]+\/)?[\w.-]+$/;

/** A part of the text between commas, and where it begins (from 0). */
interface Part {
  text: string;
  at: number;
}

/**
 * Reads `condition[,option]*`, for example `latency>=200ms,to=pod:goldpinger-chaos,self=exclude`; blanks around the
 * parts are left out. Throws a `ClauseError`.
 */
export function parseClause(text: string, parseDuration: ParseDuration): Clause {
  const [first = { text: '', at: 0 }, ...options] = partsOf(text);
  const clause: Clause = {
    condition: parseCondition(first, parseDuration),
    ...{ stat: 'p50', from: null, to: null, self: 'include', min: 1 },
  };
  const seen = new Set<string>();
  for (const part of options) {
    const equals = part.text.indexOf('=');
    const name = OPTIONS.find((option) => option === part.text.slice(0, Math.max(0, equals)).trimEnd());
    if (name === undefined) throw mistake(part, `expected an option: ${OPTIONS.map((one) => `${one}=`).join(', ')}`);
    if (seen.has(name)) throw mistake(part, `${name}= is given twice`);
    seen.add(name);
    setOption(clause, name, trimmed(part.text.slice(equals + 1), part.at + equals + 1));
  }
  if (seen.has('stat') && clause.condition.kind !== 'latency') {
    throw new ClauseError(`stat= goes with latency, not with ${clause.condition.kind}`, text.indexOf('stat') + 1);
  }
  return clause;
}

function setOption(clause: Clause, name: (typeof OPTIONS)[number], value: Part): void {
  if (name === 'from' || name === 'to') clause[name] = parseSelector(value);
  else if (name === 'stat') clause.stat = oneOf(value, STATS);
  else if (name === 'self') clause.self = oneOf(value, SELVES);
  else clause.min = parseMin(value);
}

function parseCondition(part: Part, parseDuration: ParseDuration): Condition {
  if (part.text === 'healthy' || part.text === 'failed') return { kind: part.text };
  const latency = /^latency\s*(<=|>=|<|>)\s*(.*)$/s.exec(part.text);
  if (latency === null) {
    throw mistake(part, 'expected healthy, failed, or latency with <, <=, > or >= and a duration such as 200ms');
  }
  const [whole, operator = '', limitText = ''] = latency;
  try {
    const limitUs = Math.round(parseDuration(limitText) * 1000);
    return { kind: 'latency', operator: operator as '<', limitUs, limitText };
  } catch (error) {
    const at = part.at + whole.length - limitText.length;
    throw mistake({ text: limitText, at }, error instanceof Error ? error.message : 'expected a duration');
  }
}

function parseSelector(part: Part): Selector {
  const colon = part.text.indexOf(':');
  const by = colon < 0 ? 'pod' : part.text.slice(0, colon);
  const rest = { text: part.text.slice(colon + 1), at: part.at + colon + 1 };
  if (by === 'label') return parseLabel(rest);
  if (by !== 'pod' && by !== 'node' && by !== 'zone') {
    throw mistake(part, 'expected pod:, node:, zone:, label:KEY= or the name of a pod, with * and ? as wildcards');
  }
  if (!(by === 'pod' ? POD_GLOB : GLOB).test(rest.text)) {
    throw mistake(rest, `expected the name of a ${by}, with * and ? as wildcards`);
  }
  return { by, key: '', glob: rest.text };
}

function parseLabel(part: Part): Selector {
  const equals = part.text.indexOf('=');
  const key = part.text.slice(0, Math.max(0, equals));
  if (!LABEL_KEY.test(key)) throw mistake(part, 'expected label:KEY=VALUE');
  const value = { text: part.text.slice(equals + 1), at: part.at + equals + 1 };
  if (value.text !== '' && !GLOB.test(value.text)) throw mistake(value, "expected a label's value, with * and ?");
  return { by: 'label', key, glob: value.text };
}

function parseMin(part: Part): number {
  const min = /^\d{1,5}$/.test(part.text) ? Number(part.text) : 0;
  if (min < 1 || min > MAX_MIN) throw mistake(part, `expected a number from 1 to ${MAX_MIN}`);
  return min;
}

function oneOf<T extends string>(part: Part, words: readonly T[]): T {
  const found = words.find((word) => word === part.text);
  if (found === undefined) throw mistake(part, `expected ${words.join(', ')}`);
  return found;
}

function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const piece of text.split(',')) {
    parts.push(trimmed(piece, at));
    at += piece.length + 1;
  }
  return parts;
}

/** Without the blanks around it. */
function trimmed(piece: string, at: number): Part {
  const text = piece.trimStart();
  return { text: text.trimEnd(), at: at + piece.length - text.length };
}

function mistake({ text, at }: Part, message: string): ClauseError {
  return new ClauseError(`${message}${text === '' ? '' : `, not "${text.slice(0, 60)}"`}`, at + 1);
}

/** Which pods one end of a clause's links are. */
export interface Selector {
  by: 'pod' | 'node' | 'zone' | 'label';
  /** Of `label` the key; '' otherwise. */
  key: string;
  glob: string;
}

/** What a clause says of each of its links. */
type Condition =
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

/**
 * Whether `text` is as `pattern` says: `*` stands for any characters, `?` for one. Takes at most text x pattern steps,
 * as only the last star is ever gone back to; a regular expression made of a pattern could take for ever.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** Whether a pattern stands for more than one text. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?');
}
