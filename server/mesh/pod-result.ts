import type { Outcome } from '../contract/outcome.ts';

/** Whom a ping went to, as JSON that is made once and written a thousand times. */
export interface Addressee {
  /** Up to the value of `OK`. */
  head: string;
  /** From `PodIP` on. */
  podIP: string;
  /** From `response` on: the answer's boot time. */
  response: string;
}

/** What one ping came to. */
export interface PingEnd {
  outcome: Outcome;
  /** When it ended, ms since the epoch; -1 if unknown. */
  pingMs: number;
  totalUs: number;
  /** In words, where it failed. */
  error: string;
}

const TWO_DIGITS = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Writes results of pings as Goldpinger does: keys in alphabetical order, what is empty left out. */
export class PodResultWriter {
  /** Times of one minute differ in their last digits only; a row of 1000 pings spans few minutes. */
  readonly #minutes = new Map<number, string>();

  /** A pod in one family; `bootTimeMs` is -1 if unknown. */
  addressee(hostIP: string, podIP: string, bootTimeMs: number): Addressee {
    const boot = bootTimeMs < 0 ? '' : `"boot_time":"${this.#time(bootTimeMs)}"`;
    return {
      head: `{"HostIP":${JSON.stringify(hostIP)},"OK":`,
      podIP: `,"PodIP":${JSON.stringify(podIP)}`,
      response: `,"response":{${boot}}`,
    };
  }

  /**
   * One entry of `podResults` without its key. `status-code` is 504 for any failure, and 500 where there was no IP to
   * ping, as in Go; `response-time-ms` is cut, not rounded, and left out when 0.
   */
  write(to: Addressee, { outcome, pingMs, totalUs, error }: PingEnd): string {
    const ms = Math.trunc(totalUs / 1000);
    const time = pingMs < 0 ? '' : `,"PingTime":"${this.#time(pingMs)}"`;
    const tookMs = ms > 0 ? `,"response-time-ms":${ms}` : '';
    if (outcome === 'ok') return `${to.head}true${time}${to.podIP}${to.response}${tookMs},"status-code":200}`;
    const status = outcome === 'no-address' ? 500 : 504;
    return `${to.head}false${time}${to.podIP},"error":${JSON.stringify(error)}${tookMs},"status-code":${status}}`;
  }

  /** RFC 3339 in UTC with milliseconds, as `Date.toISOString` but for a million of them. */
  #time(ms: number): string {
    const bounded = Math.min(Math.max(0, Math.round(ms)), LAST_MS);
    const minute = Math.floor(bounded / 60_000);
    let head = this.#minutes.get(minute);
    if (head === undefined) {
      if (this.#minutes.size > 1_000) this.#minutes.clear();
      head = new Date(minute * 60_000).toISOString().slice(0, 17);
      this.#minutes.set(minute, head);
    }
    const rest = bounded - minute * 60_000;
    const second = Math.floor(rest / 1000);
    return `${head}${TWO_DIGITS[second]}.${THREE_DIGITS[rest - second * 1000]}Z`;
  }
}

/** Whether end `a` of a pod's pings (over IPv6, say) stands for it rather than `b`: failed before ok, then the slower. */
export function isWorse(a: Pick<PingEnd, 'outcome' | 'totalUs'>, b: Pick<PingEnd, 'outcome' | 'totalUs'>): boolean {
  if ((a.outcome === 'ok') !== (b.outcome === 'ok')) return b.outcome === 'ok';
  return a.totalUs > b.totalUs;
}
