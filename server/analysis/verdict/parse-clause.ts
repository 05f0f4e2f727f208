import { MAX_CLAUSE_LENGTH, MAX_CLAUSES } from '../../protocol/verdict.ts';
import { parseDurationMs } from '../../runtime/duration.ts';
import { textOf, ValidationError } from '../../runtime/errors.ts';

/**
 * Reads the values of `expect`, the parameter of `/api/v1/verdict` and `/api/v1/report`. No value means `healthy`.
 * Throws a ValidationError that names the clause and the character: `expect 2 in query, character 9: expected ...`.
 */
export function parseClauses(texts: readonly string[]): Clause[] {
  if (texts.length > MAX_CLAUSES) throw new ValidationError(`expect in query: expected at most ${MAX_CLAUSES}`);
  return (texts.length === 0 ? ['healthy'] : texts).map((text, i) => {
    const name = `expect ${i + 1} in query`;
    if (text.length > MAX_CLAUSE_LENGTH) {
      throw new ValidationError(`${name}: expected at most ${MAX_CLAUSE_LENGTH} characters`);
    }
    try {
      return parseClause(text);
    } catch (error) {
      const place = error instanceof ClauseError ? `, character ${error.at}` : '';
      throw new ValidationError(`${name}${place}: ${textOf(error)}`);
    }
  });
}

/** One expectation: `condition[,option]*`. */
export interface Clause {
  condition: Condition;
  /** Which duration of the window is compared with the limit of `latency`. */
  stat: Stat;
  /** null = every judged pod (see `isJudged`). */
  from: Selector | null;
  to: Selector | null;
  /** What happens to the link of a pod to itself. */
  self: 'include' | 'exclude' | 'only';
  /** Samples that each link needs in the window; of `loss` datagrams. */
  min: number;
}

/** What a clause expects. `operator`, `limit` and `limitText` are '' or 0 for `healthy` and `failed`. */
export interface Condition {
  kind: keyof typeof CONDITIONS;
  operator: Operator | '';
  /** Of `latency` in us, of `recovered` in ms, of a share in units of 1 / `SHARE_UNITS`: always a whole number. */
  limit: number;
  limitText: string;
}

/** Which duration of a link's window `latency` is about. */
export type Stat = 'p50' | 'p95' | 'max';

/** Selects the pods at one end of a clause's links. `label:app=web*` is `{ by: 'label', key: 'app', glob: 'web*' }`. */
export interface Selector {
  by: 'pod' | 'node' | 'zone' | 'label';
  key: string;
  glob: string;
}

export class ClauseError extends Error {
  /** The character, counted from 1. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** A percentage has at most six decimals. As a fraction a limit such as 99.9 % would not be exact. */
const SHARE_UNITS = 100_000_000;
/** The most samples that a link can be asked for: the window counts them in 16 bits. */
const MAX_MIN = 65_535;
const STATS = ['p50', 'p95', 'max'] as const;
const SELF_OPTIONS = ['include', 'exclude', 'only'] as const;
const OPTIONS = ['stat', 'from', 'to', 'self', 'min'] as const;
type Operator = '<' | '<=' | '>' | '>=';
const OPERATORS: readonly Operator[] = ['<', '<=', '>', '>='];

/** The conditions: how each reads its limit (null = it has none), and what it accepts beside `from=` and `to=`. */
const CONDITIONS = {
  healthy: { limit: null, operators: [''], options: ['self', 'min'] },
  failed: { limit: null, operators: [''], options: ['self', 'min'] },
  success: { limit: parseShare, operators: OPERATORS, options: ['self', 'min'] },
  latency: {
    limit: (text: string) => Math.round(parseDurationMs(text) * 1000),
    operators: OPERATORS,
    options: ['stat', 'self', 'min'],
  },
  loss: { limit: parseShare, operators: OPERATORS, options: ['self', 'min'] },
  recovered: { limit: parseDurationMs, operators: ['<', '<='], options: [] },
} as const satisfies Record<string, ConditionRule>;

const KINDS = Object.keys(CONDITIONS) as Condition['kind'][];

interface ConditionRule {
  limit: ((text: string) => number) | null;
  operators: readonly Condition['operator'][];
  options: readonly (typeof OPTIONS)[number][];
}

/** Characters in names of pods, nodes, zones and label values, and the wildcards. */
const GLOB = /^[\w.*?-]+$/;
/** The name of a pod, with or without its namespace. */
const POD_GLOB = /^(?:[\w.*?-]+\/)?[\w.*?-]+$/;
const LABEL_KEY = /^(?:[\w.-]+\/)?[\w.-]+$/;

/** A part of a clause, and where it begins (characters, from 0). */
interface Part {
  text: string;
  at: number;
}

/** Reads one clause, for example `latency>=200ms,to=pod:goldpinger-chaos,self=exclude`. Throws a ClauseError. */
export function parseClause(text: string): Clause {
  const [first = { text: '', at: 0 }, ...options] = splitAtCommas(text);
  const condition = parseCondition(first);
  const clause: Clause = { condition, stat: 'p50', from: null, to: null, self: 'include', min: 1 };
  const { options: allowed }: ConditionRule = CONDITIONS[condition.kind];
  const seen = new Set<string>();
  for (const part of options) {
    const [, word, text = ''] = /^(\w*)\s*=\s*(.*)$/s.exec(part.text) ?? [];
    const name = OPTIONS.find((option) => option === word);
    if (name === undefined) throw errorAt(part, `expected an option: ${OPTIONS.map((one) => `${one}=`).join(', ')}`);
    if (name !== 'from' && name !== 'to' && !allowed.includes(name)) {
      throw new ClauseError(`${name}= is not allowed with ${condition.kind}`, part.at + 1);
    }
    if (seen.has(name)) throw errorAt(part, `${name}= is given twice`);
    seen.add(name);
    const value = { text, at: part.at + part.text.length - text.length };
    if (name === 'from' || name === 'to') clause[name] = parseSelector(value);
    else if (name === 'stat') clause.stat = oneOf(value, STATS);
    else if (name === 'self') clause.self = oneOf(value, SELF_OPTIONS);
    else clause.min = parseMin(value);
  }
  return clause;
}

/** Writes a clause so that `parseClause` reads it back: the condition, then every option that is not the default. */
export function formatClause({ condition, stat, from, to, self, min }: Clause): string {
  const parts = [`${condition.kind}${condition.operator}${condition.limitText}`];
  if (stat !== 'p50') parts.push(`stat=${stat}`);
  if (from !== null) parts.push(`from=${formatSelector(from)}`);
  if (to !== null) parts.push(`to=${formatSelector(to)}`);
  if (self !== 'include') parts.push(`self=${self}`);
  if (min !== 1) parts.push(`min=${min}`);
  return parts.join(',');
}

/** Whether `value` is on the right side of a condition's limit: `value < limit` for the operator `<`, and so on. */
export function meetsLimit(value: number, { operator, limit }: Pick<Condition, 'operator' | 'limit'>): boolean {
  if (operator === '<') return value < limit;
  if (operator === '<=') return value <= limit;
  return operator === '>' ? value > limit : value >= limit;
}

/** Whether the share `part` / `all` is on the right side of the limit. The products are too large for exact numbers. */
export function shareMeetsLimit(part: number, all: number, { operator, limit }: Condition): boolean {
  const excess = BigInt(part) * BigInt(SHARE_UNITS) - BigInt(limit) * BigInt(all);
  return meetsLimit(Number(excess), { operator, limit: 0 });
}

/** Writes a selector as it stands in a clause. Different selectors have different texts. */
export function formatSelector({ by, key, glob }: Selector): string {
  return by === 'label' ? `label:${key}=${glob}` : `${by}:${glob}`;
}

const CONDITION_HINT =
  'expected healthy, failed, success>=99%, latency<200ms, loss<1% or recovered<30s, with any limit';

function parseCondition(part: Part): Condition {
  const [, word = '', sign = '', limitText = ''] = /^([a-z]+)\s*(<=|>=|<|>|)\s*(.*)$/s.exec(part.text) ?? [];
  const kind = KINDS.find((one) => one === word);
  if (kind === undefined) throw errorAt(part, CONDITION_HINT);
  const { limit, operators }: ConditionRule = CONDITIONS[kind];
  const operator = operators.find((one) => one === sign);
  if (operator === undefined || (limit === null && limitText !== '')) throw errorAt(part, CONDITION_HINT);
  try {
    return { kind, operator, limit: limit?.(limitText) ?? 0, limitText };
  } catch (error) {
    throw errorAt({ text: limitText, at: part.at + part.text.length - limitText.length }, textOf(error));
  }
}

/** Reads a percentage as a share in units of 1 / `SHARE_UNITS`. */
function parseShare(text: string): number {
  const percent = /^\d{1,3}(\.\d{1,6})?%$/.test(text) ? Number(text.slice(0, -1)) : 101;
  if (percent > 100) throw new Error('expected a percentage such as 99% or 99.9%');
  return Math.round((percent * SHARE_UNITS) / 100);
}

function parseSelector(part: Part): Selector {
  const colon = part.text.indexOf(':');
  const by = colon < 0 ? 'pod' : part.text.slice(0, colon);
  const rest = { text: part.text.slice(colon + 1), at: part.at + colon + 1 };
  if (by === 'label') return parseLabel(rest);
  if (by !== 'pod' && by !== 'node' && by !== 'zone') {
    throw errorAt(part, 'expected pod:, node:, zone:, label:KEY= or the name of a pod, with * and ? as wildcards');
  }
  if (!(by === 'pod' ? POD_GLOB : GLOB).test(rest.text)) {
    throw errorAt(rest, `expected the name of a ${by}, with * and ? as wildcards`);
  }
  return { by, key: '', glob: rest.text };
}

function parseLabel(part: Part): Selector {
  const equals = part.text.indexOf('=');
  const key = part.text.slice(0, Math.max(0, equals));
  if (!LABEL_KEY.test(key)) throw errorAt(part, 'expected label:KEY=VALUE');
  const value = { text: part.text.slice(equals + 1), at: part.at + equals + 1 };
  if (value.text !== '' && !GLOB.test(value.text)) throw errorAt(value, "expected a label's value, with * and ?");
  return { by: 'label', key, glob: value.text };
}

function parseMin(part: Part): number {
  const min = /^\d{1,5}$/.test(part.text) ? Number(part.text) : 0;
  if (min < 1 || min > MAX_MIN) throw errorAt(part, `expected a number from 1 to ${MAX_MIN}`);
  return min;
}

function oneOf<T extends string>(part: Part, words: readonly T[]): T {
  const found = words.find((word) => word === part.text);
  if (found === undefined) throw errorAt(part, `expected ${words.join(', ')}`);
  return found;
}

/** The parts between the commas, without the blanks around them. */
function splitAtCommas(clause: string): Part[] {
  return [...clause.matchAll(/(?<=^|,)[^,]*/g)].map(({ 0: piece, index }) => {
    const text = piece.trimStart();
    return { text: text.trimEnd(), at: index + piece.length - text.length };
  });
}

function errorAt({ text, at }: Part, message: string): ClauseError {
  return new ClauseError(`${message}${text === '' ? '' : `, not "${text.slice(0, 60)}"`}`, at + 1);
}

/** Whether `text` matches `pattern`, in at most text x pattern steps. A regular expression could take exponential time. */
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
