import type { LinkHistory, RowHistory } from '../contract/history.ts';
import type { AgeRange, RowPast } from '../contract/past.ts';
import type { Clock } from '../contract/seams.ts';
import type { History } from './history.ts';
import { type LinkStep, LinkSteps } from './link-steps.ts';
import { type PastLink, type PastParts, pastParts } from './past-parts.ts';
import type { Rings } from './rings.ts';
import { RowSteps } from './row-steps.ts';
import { Slice } from './slice.ts';
import { type Steps, StepWalk } from './step-walk.ts';
import type { Stretch, Stretches } from './stretch.ts';

/** What results contribute to a row of the past. */
export type PastRowParts = Omit<PastParts, 'past'> & { past: RowPast };

/** What the past is read from. */
export interface PastDeps {
  clock: Clock;
  rings: Rings;
  history: History;
  stretches: Stretches;
  /** How far back anything is known at best. */
  windowMs: number;
}

/** Answers what links came to in the past, asked by ages. Long work leaves room for others. */
export class Past {
  readonly #deps: PastDeps;
  readonly #beganMs: number;

  constructor(deps: PastDeps) {
    this.#deps = deps;
    this.#beganMs = deps.clock.monotonicMs();
  }

  /** How far back anything is known, as an age. */
  #knownAgeMs(): number {
    const { clock, history, windowMs } = this.#deps;
    const knownMs = Math.max(this.#beganMs, history.forgottenMs);
    return Math.min(windowMs, Math.max(0, clock.monotonicMs() - knownMs));
  }

  /** How fine the past is `ageMs` ago, as a length of time; 0 = each sample is still here. */
  resolutionMs(links: readonly PastLink[], ageMs: number): number {
    const fromMs = this.#deps.clock.monotonicMs() - ageMs;
    const isHere = links.every(({ ring }) => ring === null || ring.lostAtMs < fromMs);
    return isHere ? 0 : this.#deps.history.widestMs(fromMs);
  }

  /** The row of a stretch. */
  async rowOf(links: readonly PastLink[], range: AgeRange): Promise<PastRowParts> {
    const { clock, stretches } = this.#deps;
    const knownAgeMs = this.#knownAgeMs();
    const nowMs = clock.monotonicMs();
    const source = { stretches, slice: new Slice(clock), nowMs };
    const parts = await pastParts(links, stretchOf(range, nowMs), source);
    return { ...parts, past: { ...range, ...parts.past, knownAgeMs } };
  }

  /** How many links were how, in steps. */
  async rowHistory(links: readonly PastLink[], range: AgeRange, stepMs: number): Promise<RowHistory> {
    const { clock, rings, history } = this.#deps;
    const nowMs = clock.monotonicMs();
    const knownAgeMs = this.#knownAgeMs();
    const steps = stepsOf(range, stepMs, nowMs);
    const walk = new StepWalk(rings, history);
    const counter = new RowSteps(steps.count);
    const slice = new Slice(clock);
    let resolutionMs = 0;
    for (const link of links) {
      resolutionMs = Math.max(resolutionMs, walk.walk(link, steps, nowMs, counter));
      counter.endLink();
      if (slice.isOver()) await slice.next();
    }
    const format = 'goldpinger-ts/row-history/1' as const;
    return { format, ...range, stepMs, resolutionMs, knownAgeMs, ...counter.counts() };
  }

  /** The past of the links to one pod, in steps; times by the wall clock. */
  linkHistory(
    links: readonly PastLink[],
    range: AgeRange,
    stepMs: number,
  ): Pick<LinkHistory, 'nowMs' | 'resolutionMs' | 'steps'> {
    const { clock, rings, history } = this.#deps;
    const nowMs = clock.monotonicMs();
    const steps = stepsOf(range, stepMs, nowMs);
    const walk = new StepWalk(rings, history);
    const byStep = new Map<number, LinkStep>();
    let resolutionMs = 0;
    for (const link of links) {
      const counter = new LinkSteps();
      resolutionMs = Math.max(resolutionMs, walk.walk(link, steps, nowMs, counter));
      for (const step of counter.steps()) byStep.set(step.step, joined(byStep.get(step.step), step));
    }
    const wallMs = clock.nowMs() - nowMs;
    const inOrder = [...byStep.values()].sort((a, b) => a.step - b.step);
    return {
      nowMs: clock.nowMs(),
      resolutionMs,
      steps: inOrder.map(({ step, ...figures }) => {
        const startMs = steps.fromMs + step * stepMs;
        return {
          atMs: Math.round(startMs + wallMs),
          lengthMs: Math.round(Math.min(stepMs, nowMs - range.toAgeMs - startMs)),
          ...figures,
        };
      }),
    };
  }
}

/** Ages as monotonic times. What ends now has the sample of this very moment in it. */
function stretchOf({ fromAgeMs, toAgeMs }: AgeRange, nowMs: number): Stretch {
  return { fromMs: nowMs - fromAgeMs, toMs: toAgeMs === 0 ? nowMs + 1 : nowMs - toAgeMs };
}

function stepsOf(range: AgeRange, stepMs: number, nowMs: number): Steps {
  return { ...stretchOf(range, nowMs), stepMs, count: Math.ceil((range.fromAgeMs - range.toAgeMs) / stepMs) };
}

/** Two links of one pod (IPv4 and IPv6) in one step: medians by count. */
function joined(a: LinkStep | undefined, b: LinkStep): LinkStep {
  if (a === undefined) return b;
  const failures = { ...a.failures };
  for (const [outcome, count] of Object.entries(b.failures)) failures[outcome] = (failures[outcome] ?? 0) + count;
  const mean = (x: number, y: number) =>
    x < 0 || y < 0 ? Math.max(x, y) : (x * a.samples + y * b.samples) / (a.samples + b.samples);
  return {
    step: a.step,
    samples: a.samples + b.samples,
    failures,
    minUs: a.minUs < 0 || b.minUs < 0 ? Math.max(a.minUs, b.minUs) : Math.min(a.minUs, b.minUs),
    p50Us: mean(a.p50Us, b.p50Us),
    p95Us: mean(a.p95Us, b.p95Us),
    maxUs: Math.max(a.maxUs, b.maxUs),
    connectP50Us: mean(a.connectP50Us, b.connectP50Us),
    firstByteP50Us: mean(a.firstByteP50Us, b.firstByteP50Us),
  };
}
