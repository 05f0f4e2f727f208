import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { Mesh, MeshRow } from '../../contract/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../contract/verdict.ts';
import type { Clause } from './clause.ts';
import { ClauseTally } from './clause-tally.ts';
import { type LinkWindow, windowOf } from './link-window.ts';
import { reasonOf, verdictOf } from './reasons.ts';
import { selecting } from './selection.ts';

/** Sums up the links that any clause looks at. */
class Figures {
  samples = 0;
  checked = 0;
  failed = 0;
  #p95 = -1;
  #max = -1;
  /** Links by packed p50, which keeps the order of the figures. */
  readonly #p50s = new Uint32Array(NONE16);
  #ok = 0;

  add(link: LinkWindow): void {
    this.samples += link.samples;
    if (link.samples === 0) return;
    this.checked += 1;
    if (link.failures > 0 || link.isFailed) this.failed += 1;
    if (link.isFailed || link.p50 === NONE16) return;
    this.#ok += 1;
    this.#p50s[link.p50] = (this.#p50s[link.p50] ?? 0) + 1;
    this.#p95 = Math.max(this.#p95, unpack16(link.p95));
    this.#max = Math.max(this.#max, unpack16(link.max));
  }

  told(): Pick<VerdictAnswer, 'p50_ms' | 'p95_ms' | 'max_ms'> {
    return { p50_ms: inMs(this.#median()), p95_ms: inMs(this.#p95), max_ms: inMs(this.#max) };
  }

  #median(): number {
    let left = Math.ceil(this.#ok / 2);
    if (left === 0) return -1;
    const at = this.#p50s.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return unpack16(at);
  }
}

/**
 * Whether the clauses hold in a matrix with statistics over `windowMs`. Looks at every link of it; yields after each row
 * and clause (see `inSlices`).
 */
export function* judge(mesh: Mesh, clauses: readonly Clause[], windowMs: number): Generator<void, VerdictAnswer> {
  const name = nameOf(mesh);
  const tallies: ClauseTally[] = [];
  for (const clause of clauses) tallies.push(new ClauseTally(clause, yield* selecting(clause, mesh.pods), name));
  const figures = new Figures();
  const rows = new Map(mesh.rows.map((row) => [row.pod, row]));
  const pings = { everybody: mesh.settings.pingNumber === 0 && mesh.settings.refreshIntervalMs > 0, windowMs };
  for (const pod of mesh.pods.keys()) {
    const row = rows.get(pod);
    if (row === undefined || row.missing !== '' || row.starvation?.unreliable === true) {
      for (const tally of tallies) tally.miss(pod);
    } else {
      // One that knows only the end of a stretch can tell of a violation, and cannot tell that there was none.
      if (row.missingDetail !== '') for (const tally of tallies) tally.miss(pod);
      yield* judgeRow(row, tallies, figures, pings);
    }
  }
  const verdicts = tallies.map((tally) => verdictOf(tally, mesh));
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('unknown') ? 'unknown' : 'pass';
  const missing = new Set(tallies.flatMap((tally) => tally.missing));
  return {
    ...{ ok: verdict === 'pass', verdict },
    reason: verdict === 'pass' ? '' : reasonOf(tallies, verdicts, mesh, name).slice(0, 600),
    ...{ expect: tallies.map(({ text }) => text), clauses: verdicts, window_s: windowMs / 1000 },
    ...{ samples: figures.samples, links_checked: figures.checked, links_failed: figures.failed },
    ...figures.told(),
    violations: tallies.flatMap(({ violations }) => violations).slice(0, MAX_VIOLATIONS),
    missing_rows: [...missing].slice(0, MAX_VIOLATIONS).map(name),
    ...{ generated_at: new Date(Math.round(oldestMs(mesh, tallies))).toISOString(), served_by: mesh.servedBy.name },
  };
}

function* judgeRow(
  row: MeshRow,
  tallies: readonly ClauseTally[],
  figures: Figures,
  { everybody, windowMs }: { everybody: boolean; windowMs: number },
): Generator<void, void> {
  const concerned = tallies.filter(({ selection }) => selection.from[row.pod] === 1);
  if (concerned.length === 0) return;
  const link: LinkWindow = { samples: 0, failures: 0, isFailed: false, p50: NONE16, p95: NONE16, max: NONE16 };
  for (let i = 0; i < row.links.length; i++) {
    const to = row.links.to[i] ?? 0;
    let isRead = false;
    for (const tally of concerned) {
      if (!tally.concerns(row.pod, to)) continue;
      if (!isRead) figures.add(windowOf(row, i, windowMs, link));
      isRead = true;
      tally.judge(row, i, to, link);
    }
    if (i % 256 === 255) yield;
  }
  if (everybody) for (const tally of concerned) tally.expectAll(row);
  yield;
}

/** By when the picture is: of now by the oldest row that any clause is about. Times of rows of the past are the past's. */
function oldestMs({ atMs, past, rows }: Mesh, tallies: readonly ClauseTally[]): number {
  if (past !== null) return atMs;
  return rows.reduce((oldest, row) => {
    const isUsed = row.missing === '' && tallies.some(({ selection }) => selection.from[row.pod] === 1);
    return isUsed ? Math.min(oldest, row.atMs) : oldest;
  }, atMs);
}

/** Names, with the namespace where pods of several are watched. */
function nameOf({ pods, discovery }: Mesh): (pod: number) => string {
  const isOne = discovery.namespace !== '';
  return (pod) => (isOne ? (pods[pod]?.name ?? '') : `${pods[pod]?.namespace}/${pods[pod]?.name}`);
}

function inMs(us: number): number | null {
  return us < 0 ? null : us / 1000;
}
