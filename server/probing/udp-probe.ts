import { isIP } from 'node:net';
import type { Target } from '../protocol/pod.ts';
import type { UdpResult } from '../protocol/sample.ts';
import type { Timer } from '../runtime/clock.ts';
import { errorCodeOf, isOwnFault, networkMessageOf } from '../runtime/network-errors.ts';
import { type BusyMeter, canBeSuspect, isSuspect } from './starvation.ts';
import { HopSearch } from './udp-hops.ts';
import { type DatagramOptions, ProbeSocket } from './udp-socket.ts';

interface UdpProbeOptions extends DatagramOptions {
  meter: BusyMeter;
  /** UDP_PACKET_COUNT: datagrams to a target in one cycle. */
  udpPacketCount: number;
  /** UDP_TIMEOUT: a datagram that has not come back after this time is lost. */
  udpTimeoutMs: number;
  /** REFRESH_INTERVAL: time from one cycle to a target to the next. */
  refreshIntervalMs: number;
  /** A socket could not be opened, or a datagram not be sent. */
  onError(target: Target): void;
  /** Our own process or machine lacks something. */
  onOwnFault(message: string): void;
}

/** Datagrams are sent two at a time, so that reordering shows. */
const BURST = 2;
/**
 * Time between two bursts, so that a short queue on the way does not overflow; less if a cycle would not fit into half an
 * interval.
 */
const BURST_GAP_MS = 20;
/** After the last timeout, datagrams that have come in time still wait to be read for one turn of the loop. */
const LAST_TURN_MS = 1;
/**
 * A cycle waits this long for duplicates after all datagrams have come back. They come within a few milliseconds. Waiting for all of
 * UDP_TIMEOUT would keep one socket open for each peer nearly all the time.
 */
const DUPLICATES_MS = 50;
/** A cycle that lost datagrams is suspect if our own process may have been late by this share of UDP_TIMEOUT. */
const SUSPECT_SHARE = 0.5;

/**
 * The UDP probe: sends some datagrams to a target, which echoes them, and counts what comes back. Each cycle has its own socket,
 * so that what comes back late from an earlier cycle does not count in this one.
 */
export class UdpProbe {
  readonly #options: UdpProbeOptions;
  readonly #hops: HopSearch;
  /** Targets that refused datagrams and have not echoed any since: nothing listens there. By target id. */
  readonly #deaf = new Set<string>();
  readonly #cycles = new Set<Cycle>();

  constructor(options: UdpProbeOptions) {
    this.#options = options;
    this.#hops = new HopSearch(options);
  }

  /** Forgets what is known about all other targets, and ends their cycles without a result. */
  setTargets(targets: readonly Target[]): void {
    const wanted = new Set(targets.map(({ id }) => id));
    for (const id of this.#deaf) if (!wanted.has(id)) this.#deaf.delete(id);
    this.#hops.keepOnly(wanted);
    for (const cycle of this.#cycles) if (!wanted.has(cycle.target.id)) cycle.end(null);
  }

  /**
   * Sends the datagrams of one cycle to a target and waits for them. Never rejects. null = not measured: the target has no
   * address, nothing listens at its port (Goldpinger before 3.11, UDP_ENABLED off), or our own process lacks something.
   */
  async cycle(target: Target): Promise<UdpResult | null> {
    if (isIP(target.address) === 0) return null;
    const cycle = new Cycle(target, this.#options);
    this.#cycles.add(cycle);
    let result: Counted | null;
    try {
      result = await cycle.run();
    } catch (error) {
      result = this.#lostAll(target, error);
    } finally {
      this.#cycles.delete(cycle);
    }
    if (result === null) return null;
    if (cycle.isRefused) this.#deaf.add(target.id);
    else if (result.lost < result.sent) this.#deaf.delete(target.id);
    if (this.#deaf.has(target.id)) return null;
    if (result.rttUs >= 0) this.#hops.refresh(target, result.rttUs);
    return { ...result, atMs: this.#options.clock.nowMs(), hops: this.#hops.of(target) };
  }

  stop(): void {
    for (const cycle of this.#cycles) cycle.end(null);
    this.#hops.keepOnly(new Set());
  }

  /** The result where no socket could be opened: no route to the target loses all datagrams. null: our own fault. */
  #lostAll(target: Target, error: unknown): Counted | null {
    const { udpPacketCount, onError, onOwnFault } = this.#options;
    onError(target);
    if (isOwnFault(errorCodeOf(error))) {
      onOwnFault(networkMessageOf(error));
      return null;
    }
    const sent = udpPacketCount;
    return { sent, lost: sent, rttUs: -1, duplicates: 0, outOfOrder: 0, suspect: false };
  }
}

/** What one cycle counted. */
type Counted = Omit<UdpResult, 'atMs' | 'hops'>;

/** One cycle: the datagrams that are sent to a target one after the other, on one socket. */
class Cycle {
  /** Whether nothing listens at the target's port. */
  isRefused = false;
  readonly target: Target;
  readonly #options: UdpProbeOptions;
  readonly #queuedAtStartUs: number;
  #socket: ProbeSocket | null = null;
  #resolve: (counted: Counted | null) => void = () => {};
  #timer: Timer | null = null;
  #hasEnded = false;
  /** When each datagram was sent, and whether it has come back, by its sequence number. */
  readonly #sentAtMs: number[] = [];
  readonly #isBack: boolean[] = [];
  /** The most by which a callback of ours may have been late. */
  #maxDelayUs = 0;
  /** The highest sequence number that has come back. */
  #highest = -1;
  #received = 0;
  #duplicates = 0;
  #outOfOrder = 0;
  /** Sum and number of the round trips that our own process has not lengthened. */
  #rttSumUs = 0;
  #rttCount = 0;

  constructor(target: Target, options: UdpProbeOptions) {
    this.target = target;
    this.#options = options;
    this.#queuedAtStartUs = options.meter.queuedUs();
  }

  /** Sends and waits. null after `end(null)`. Rejects if no socket can be opened. */
  async run(): Promise<Counted | null> {
    this.#socket = await ProbeSocket.open(this.target, this.#options, {
      onEcho: (sequence) => this.#onEcho(sequence),
      onError: (error) => this.#onError(error),
    });
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (this.#hasEnded) this.end(null);
      else this.#sendBurst();
    });
  }

  #sendBurst(): void {
    const { clock, meter, udpPacketCount, udpTimeoutMs, refreshIntervalMs } = this.#options;
    for (let i = 0; i < BURST && this.#sentAtMs.length < udpPacketCount && !this.#hasEnded; i++) {
      meter.mark();
      this.#sentAtMs.push(clock.monotonicMs());
      this.#socket?.send();
    }
    const bursts = Math.ceil(udpPacketCount / BURST);
    const gapMs = Math.min(BURST_GAP_MS, refreshIntervalMs / 2 / bursts);
    if (this.#hasEnded) return;
    if (this.#sentAtMs.length < udpPacketCount) this.#wait(gapMs, () => this.#sendBurst());
    else this.#wait(udpTimeoutMs, () => this.#wait(LAST_TURN_MS, () => this.end(this.#counted())));
  }

  #wait(delayMs: number, then: () => void): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    this.#timer = clock.setTimer(() => {
      this.#noteDelay((clock.monotonicMs() - dueMs) * 1000);
      then();
    }, delayMs);
  }

  #noteDelay(us: number): void {
    this.#maxDelayUs = Math.max(this.#maxDelayUs, us);
  }

  #onEcho(sequence: number): void {
    const { clock, udpTimeoutMs } = this.#options;
    if (this.#isBack[sequence]) {
      this.#duplicates += 1;
      return;
    }
    const rttUs = (clock.monotonicMs() - (this.#sentAtMs[sequence] ?? 0)) * 1000;
    const lateUs = this.#lateUs(rttUs);
    this.#noteDelay(lateUs);
    // A datagram that came in time and that we read too late is not lost.
    if (rttUs - lateUs > udpTimeoutMs * 1000) return;
    this.#isBack[sequence] = true;
    this.#received += 1;
    if (sequence < this.#highest) this.#outOfOrder += 1;
    this.#highest = Math.max(this.#highest, sequence);
    if (this.#received === this.#options.udpPacketCount) {
      this.#timer?.cancel();
      this.#wait(DUPLICATES_MS, () => this.end(this.#counted()));
    }
    if (isSuspect(lateUs, rttUs)) return;
    this.#rttSumUs += rttUs;
    this.#rttCount += 1;
  }

  /** How much of a round trip our own process may have caused, us. */
  #lateUs(rttUs: number): number {
    const { meter } = this.#options;
    const busyUs = meter.mark();
    const queuedUs = canBeSuspect(rttUs) ? meter.queuedUs() - this.#queuedAtStartUs : 0;
    return Math.max(0, Math.min(busyUs + queuedUs, rttUs));
  }

  #onError(error: Error): void {
    if (errorCodeOf(error) === 'ECONNREFUSED') {
      this.isRefused = true;
      if (this.#received === 0) this.end(this.#counted());
    } else if (isOwnFault(errorCodeOf(error))) {
      this.#options.onOwnFault(networkMessageOf(error));
      this.end(null);
    } else this.#options.onError(this.target);
  }

  #counted(): Counted {
    const { meter, udpTimeoutMs } = this.#options;
    const sent = this.#sentAtMs.length;
    const lost = sent - this.#received;
    const lateUs = this.#maxDelayUs + meter.queuedUs() - this.#queuedAtStartUs;
    return {
      sent,
      lost,
      rttUs: this.#rttCount === 0 ? -1 : this.#rttSumUs / this.#rttCount,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      suspect: lost > 0 && lateUs > udpTimeoutMs * 1000 * SUSPECT_SHARE,
    };
  }

  /** Ends the cycle with this result; null = none. */
  end(counted: Counted | null): void {
    this.#hasEnded = true;
    this.#timer?.cancel();
    this.#socket?.close();
    this.#resolve(counted);
  }
}
