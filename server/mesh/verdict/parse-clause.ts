import type { Clause, Condition, Selector, Stat } from './clause.ts';

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
