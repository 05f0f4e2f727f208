import type { Mesh, MeshRow } from '../../contract/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../contract/verdict.ts';
import type { Clause } from './clause.ts';
import { ClauseTally, type NameOf } from './clause-tally.ts';
import { Figures } from './figures.ts';
import { reasonOf, verdictOf } from './reasons.ts';
import { CHUNK, RowWindow } from './row-window.ts';
import { selecting } from './selection.ts';

/** So many links are looked at, by each clause anew, between two looks at the clock. */
const STEP_LINKS = 1_024;

/**
 * Whether the clauses hold in a matrix with statistics over `windowMs`. One pass over the links serves all clauses; yields
 * after each few thousand looks at one (see `inSlices`).
 */
export function* judge(mesh: Mesh, clauses: readonly Clause[], windowMs: number): Generator<void, VerdictAnswer> {
  const name = nameOf(mesh);
  const selections = yield* selecting(clauses, mesh.pods);
  const tallies = selections.map(({ clause, selection }) => new ClauseTally(clause, selection, name));
  const round = new Round(mesh, tallies, windowMs);
  const rows = new Map(mesh.rows.map((row) => [row.pod, row]));
  for (const pod of mesh.pods.keys()) yield* round.judge(pod, rows.get(pod));
  const verdicts = tallies.map((tally) => verdictOf(tally, mesh));
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('unknown') ? 'unknown' : 'pass';
  const { figures } = round;
  return {
    ...{ ok: verdict === 'pass', verdict },
    reason: verdict === 'pass' ? '' : reasonOf(tallies, verdicts, mesh, name).slice(0, 600),
    ...{ expect: tallies.map(({ text }) => text), clauses: verdicts, window_s: windowMs / 1000 },
    resolution_s: mesh.past === null ? null : mesh.past.resolutionMs / 1000,
    ...{ samples: figures.samples, links_checked: figures.checked, links_failed: figures.failed },
    ...figures.told(),
    violations: tallies.flatMap(({ violations }) => violations).slice(0, MAX_VIOLATIONS),
    missing_rows: firstMissing(tallies).map(name),
    ...{ generated_at: new Date(Math.round(round.oldestMs)).toISOString(), served_by: mesh.servedBy.name },
  };
}

/** Holds rows against clauses, one after the other. */
class Round {
  readonly figures = new Figures();
  /** By when the picture is: of now by the oldest row that any clause is about. Times of rows of the past are the past's. */
  oldestMs: number;
  readonly #tallies: readonly ClauseTally[];
  readonly #windowMs: number;
  readonly #isPast: boolean;
  /** Whether everybody is to be pinged by everybody. */
  readonly #everybody: boolean;
  readonly #window = new RowWindow();
  /** By pod 1 = ready: of others the lists need not be complete yet. */
  readonly #ready: Uint8Array;
  /** The row in which a pod was last met as the end of a link. */
  readonly #met: Int32Array;
  #looks = 0;

  constructor({ atMs, past, settings, pods }: Mesh, tallies: readonly ClauseTally[], windowMs: number) {
    this.oldestMs = atMs;
    this.#tallies = tallies;
    this.#windowMs = windowMs;
    this.#isPast = past !== null;
    this.#everybody = settings.pingNumber === 0 && settings.refreshIntervalMs > 0;
    this.#ready = Uint8Array.from(pods, ({ lifecycle }) => (lifecycle === 'ready' ? 1 : 0));
    this.#met = new Int32Array(pods.length).fill(-1);
  }

  /** Takes the row of a pod into account, or that there is none. */
  *judge(pod: number, row: MeshRow | undefined): Generator<void, void> {
    const concerned = this.#tallies.filter((tally) => tally.isAbout(pod));
    if (this.#isStepOver(this.#tallies.length)) yield;
    const isReady = this.#ready[pod] === 1;
    if (row?.missing === '' && !row.samePeers && isReady) for (const tally of this.#tallies) tally.differ(pod);
    if (concerned.length === 0) return;
    if (row?.missing === '' && !this.#isPast) this.oldestMs = Math.min(this.oldestMs, row.atMs);
    const isHere = row !== undefined && row.missing === '' && row.starvation?.unreliable !== true;
    // One that knows only the end of a stretch can tell of a violation, and cannot tell that there was none.
    if (!isHere || row.missingDetail !== '') for (const tally of concerned) tally.miss(pod);
    if (isHere) yield* this.#judgeRow(row, concerned);
  }

  *#judgeRow(row: MeshRow, concerned: readonly ClauseTally[]): Generator<void, void> {
    const window = this.#window;
    for (let start = 0; start < row.links.length; start += CHUNK) {
      window.read(row, start, this.#windowMs);
      for (let k = 0; k < window.length; k++) this.#met[window.to[k] ?? 0] = row.pod;
      for (const tally of concerned) {
        tally.judge(row, window);
        if (this.#isStepOver(window.length)) yield;
      }
      this.figures.add(window);
    }
    if (!this.#everybody) return;
    const unmet = this.#unmetBy(row.pod);
    for (const tally of concerned) {
      tally.expect(row.pod, unmet);
      if (this.#isStepOver(unmet.length)) yield;
    }
  }

  #unmetBy(pod: number): number[] {
    const unmet: number[] = [];
    for (let to = 0; to < this.#met.length; to++) if (this.#met[to] !== pod) unmet.push(to);
    return unmet;
  }

  #isStepOver(looks: number): boolean {
    this.#looks += looks;
    if (this.#looks < STEP_LINKS) return false;
    this.#looks = 0;
    return true;
  }
}

/** The first pods whose rows any clause misses. */
function firstMissing(tallies: readonly ClauseTally[]): number[] {
  const pods = new Set<number>();
  for (const { missing } of tallies) {
    for (const pod of missing) {
      if (pods.size === MAX_VIOLATIONS) return [...pods];
      pods.add(pod);
    }
  }
  return [...pods];
}

/** Names, with the namespace where pods of several are watched. */
function nameOf({ pods, discovery }: Mesh): NameOf {
  const isOne = discovery.namespace !== '';
  return (pod) => (isOne ? (pods[pod]?.name ?? '') : `${pods[pod]?.namespace}/${pods[pod]?.name}`);
}
