import { failureAdvice, lateAdvice } from '../../server/protocol/link-advice.ts';
import { type LatePhase, latePhase } from '../../server/protocol/link-state.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';
import { plural } from '../../server/runtime/count-text.ts';
import { latencyText } from '../../server/runtime/measure-text.ts';
import { sentence, shareText } from './format.ts';
import type { LinkFacts } from './link-facts.ts';
import { factsTone } from './messages.ts';

/** What is wrong with a link (`title`) and what to check (`text`). */
interface LinkWords {
  title: string;
  text: string;
}

/** Context of the message: names that are safe to show, PING_TIMEOUT in ms, and PING_NUMBER. */
export interface MessageContext {
  from: string;
  to: string;
  timeoutMs: number;
  /** 0 = each pod pings all others. */
  pingNumber: number;
  /** Whether pods ping: REFRESH_INTERVAL is above 0. */
  isPinging: boolean;
  /** Whether a finding of the server explains this direction; then the message does not say what to check. */
  isForwardExplained: boolean;
  isReverseExplained: boolean;
}

/** Said of links while REFRESH_INTERVAL is 0 or less. */
export const PINGING_OFF = 'Pinging is off (REFRESH_INTERVAL).';

/** TCP retransmits a lost SYN after 1 s (RFC 6298, section 2: initial RTO). */
const SYN_RETRANSMISSION_US = 1_000_000;

/**
 * The message about a link, by outcome first and by phase second. `reverse`: the facts of the reverse direction (the same
 * object for a self-link). The message is about the forward direction unless the reverse direction is worse.
 */
export function linkMessage(forward: LinkFacts, reverse: LinkFacts, context: MessageContext) {
  const { isForwardExplained, isReverseExplained } = context;
  const swapped = { ...context, from: context.to, to: context.from };
  const isReverseWorse = badness(reverse) > badness(forward);
  const [facts, other, words] = isReverseWorse ? [reverse, forward, swapped] : [forward, reverse, context];
  const isBad = badness(facts) >= 0;
  const isExplained = isBad && (isReverseWorse ? isReverseExplained : isForwardExplained);
  const { title, text } = directionWords(facts, words);
  const parts = [
    facts.unreliable ? UNRELIABLE : '',
    isReverseWorse && !isExplained && text !== '' ? `${words.from} → ${words.to}:` : '',
    isExplained ? '' : text,
    forward === reverse || !isBad ? '' : reverseText(facts, other),
  ];
  return { tone: factsTone(facts), title, text: parts.filter(Boolean).join(' ') };
}

const UNRELIABLE =
  'Unreliable: the measuring pod was short of CPU, or the other one was, which can cause the result. Check CPU limits.';

function badness({ state }: LinkFacts): number {
  return ['warning', 'slow', 'failed'].indexOf(state);
}

function reverseText(facts: LinkFacts, reverse: LinkFacts): string {
  if (reverse.state === 'good' || reverse.state === 'fair') return 'Reverse direction is fine.';
  const too = reverse.state === facts.state ? ' too' : '';
  if (reverse.state === 'failed') return `Reverse direction fails${too}.`;
  return reverse.state === 'slow' ? `Reverse direction is slow${too}.` : '';
}

function directionWords(facts: LinkFacts, context: MessageContext): LinkWords {
  const { from, to } = context;
  switch (facts.state) {
    case 'failed':
      return failedWords(facts, context);
    case 'slow':
    case 'warning':
      return lateWords(facts, from);
    case 'unknown':
      return unknownWords(facts, from);
    case 'not-probed':
    case 'not-yet':
      if (facts.missing === 'passive')
        return { title: 'Not probed.', text: `${from} is on a passive node: it only answers.` };
      if (!context.isPinging) return { title: 'Not probed.', text: PINGING_OFF };
      if (facts.state === 'not-probed') return { title: 'Not probed.', text: unprobedWords(context) };
      return { title: 'Pending.', text: `${to} or ${from} has just started; the first ping is due.` };
    case 'ignored':
      return {
        title: 'Left out.',
        text: 'A pod of this link is on a cordoned node (IGNORE_CORDONED): whatever its pings say is no fault.',
      };
    case 'gone':
      return { title: 'One of the two pods is gone.', text: 'The last results are kept for a few minutes.' };
    default:
      if (facts.lossy && facts.udp !== null) {
        const { sent, lost } = facts.udp;
        const text = `${shareText(lost / sent)} of ${plural(sent, 'datagram')} to ${to} were lost, while pings work: TCP sends lost packets again. Check the network.`;
        return { title: 'Loses datagrams.', text };
      }
      return { title: 'Healthy.', text: `All phases from ${from} to ${to} are fast.` };
  }
}

/** Why a pod that reports has no result for another pod. */
function unprobedWords({ from, to, pingNumber }: MessageContext): string {
  const isNew = `${to} is new to ${from}, or not in its pod list`;
  return pingNumber > 0 ? `PING_NUMBER assigned other pods to ${from}, or ${isNew}.` : `${isNew}.`;
}

/** `20 % lost`, `0.5 % lost`, `none lost`. */
export function lossText({ sent, lost }: { sent: number; lost: number }): string {
  return lost === 0 ? 'none lost' : `${shareText(lost / sent)} lost`;
}

function lateWords(facts: LinkFacts, from: string): LinkWords {
  const phase = latePhase(facts.connectUs, facts.firstByteUs, facts.totalUs);
  const advice = sentence(lateAdvice(phase, 'the network'));
  if (phase === 'unmeasured') {
    const why = `${from} reports in Goldpinger’s format: whole milliseconds, no phases.`;
    return { title: LATE_TITLES[phase], text: `${why} ${advice}` };
  }
  const isRetransmitted = facts.connectUs >= SYN_RETRANSMISSION_US;
  return {
    title: LATE_TITLES[phase],
    text: isRetransmitted ? `${advice} Above 1 s, a lost packet was retransmitted.` : advice,
  };
}

const LATE_TITLES: Record<LatePhase, string> = {
  'first-byte': 'Connects fast, responds slowly.',
  connect: 'Connects slowly, responds fast.',
  both: 'Connects and responds slowly.',
  response: 'The response starts fast and ends late.',
  body: 'The response starts fast and ends late.',
  unmeasured: 'Slow, phase unknown.',
};

const WHILE: Record<Phase, string> = {
  connect: 'while connecting',
  'first-byte': 'before the first byte',
  body: 'during the response',
};

function failedWords({ outcome, phase }: LinkFacts, context: MessageContext): LinkWords {
  const known = outcome ?? 'malformed';
  return { title: failedTitle(known, phase, context), text: sentence(failureAdvice(known, phase)) };
}

function failedTitle(outcome: Outcome, phase: Phase | null, { to, timeoutMs }: MessageContext): string {
  const titles: Record<Outcome, string> = {
    refused: `${to} refuses the connection.`,
    reset: `The connection is reset${phase === null ? '' : ` ${WHILE[phase]}`}.`,
    timeout: timeoutTitle(phase, latencyText(timeoutMs * 1000)),
    unreachable: `${to} is unreachable.`,
    dns: `The name of ${to} does not resolve.`,
    'http-status': `${to} returns an HTTP error.`,
    malformed: `${to} sends a malformed response.`,
    'no-address': `${to} has no address.`,
    ok: 'Healthy.',
  };
  return titles[outcome];
}

/** `phase`: null = unknown, as in the error texts of some Goldpinger pods. */
function timeoutTitle(phase: Phase | null, limit: string): string {
  if (phase === 'connect') return `No connection within ${limit}.`;
  if (phase === 'first-byte') return `Connects, but no response within ${limit}.`;
  return phase === 'body' ? `Incomplete response after ${limit}.` : `No response within ${limit}.`;
}

function unknownWords({ missing }: LinkFacts, from: string): LinkWords {
  // It did report: the page shows one phase, and the report has only the total.
  if (missing === '')
    return { title: 'Answered, phase not measured.', text: `${from} reports in Goldpinger’s format, without phases.` };
  const why =
    missing === 'not-asked'
      ? 'It was not asked: no address yet, or out of time.'
      : `The request for its report failed: ${missing}.`;
  return { title: `No report from ${from}.`, text: `${why} Outbound results of ${from} are unknown.` };
}
