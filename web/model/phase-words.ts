import { latePhase } from '../../server/protocol/link-state.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';
import { plural } from '../../server/runtime/count-text.ts';
import { latencyText, shareText } from './format.ts';
import type { LinkFacts } from './link-facts.ts';
import type { LinkState } from './links.ts';

/** What is wrong with a link (`title`) and what to check (`text`). `tone`: the state that gives the colour. */
export interface LinkMessage {
  tone: LinkState;
  title: string;
  text: string;
}

/** Context of the message: names that are safe to show, and limits in ms. */
export interface MessageContext {
  from: string;
  to: string;
  problemMs: number;
  timeoutMs: number;
  /** Whether a finding of the server explains this direction; then the message does not say what to check. */
  isForwardExplained: boolean;
  isReverseExplained: boolean;
}

/** TCP retransmits a lost SYN after 1 s (RFC 6298, section 2: initial RTO). */
const SYN_RETRANSMISSION_US = 1_000_000;

/**
 * The message about a link, by outcome first and by phase second. `reverse`: the facts of the reverse direction (the same
 * object for a self-link). The message is about the forward direction unless the reverse direction is worse.
 */
export function linkMessage(forward: LinkFacts, reverse: LinkFacts, context: MessageContext): LinkMessage {
  const { isForwardExplained, isReverseExplained } = context;
  const swapped = { ...context, from: context.to, to: context.from };
  const isReverseWorse = severity(reverse) > severity(forward) && severity(reverse) >= 2;
  const [facts, other, words] = isReverseWorse ? [reverse, forward, swapped] : [forward, reverse, context];
  const message = directionMessage(facts, words);
  const doubt = facts.unreliable ? `${UNRELIABLE} ` : '';
  if ((isReverseWorse ? isReverseExplained : isForwardExplained) && severity(facts) >= 2) message.text = '';
  message.text = `${doubt}${message.text}`.trim();
  if (forward === reverse || severity(facts) < 2) return message;
  return { ...message, text: `${message.text} ${reverseText(facts, other)}`.trim() };
}

/** Comes before the advice of a link whose measurement is unreliable. */
const UNRELIABLE =
  'Unreliable: the measuring pod was short of CPU, or the other one was, which can cause the result. Check CPU limits.';

function severity({ state }: LinkFacts): number {
  if (state === 'failed') return 4;
  if (state === 'slow') return 3;
  if (state === 'warning') return 2;
  return state === 'unknown' ? 1 : 0;
}

function reverseText(facts: LinkFacts, reverse: LinkFacts): string {
  if (reverse.state === 'good' || reverse.state === 'fair') return 'Reverse direction is fine.';
  if (reverse.state === 'failed')
    return facts.state === 'failed' ? 'Reverse direction fails too.' : 'Reverse direction fails.';
  if (reverse.state === 'slow')
    return facts.state === 'slow' ? 'Reverse direction is slow too.' : 'Reverse direction is slow.';
  return '';
}

function directionMessage(facts: LinkFacts, context: MessageContext): LinkMessage {
  const { from, to } = context;
  const tone = facts.state;
  switch (facts.state) {
    case 'failed':
      return { tone, ...failedWords(facts.outcome ?? 'malformed', facts.phase, context) };
    case 'slow':
    case 'warning':
      return { tone, ...lateWords(facts, context) };
    case 'unknown':
      return { tone, title: `No report from ${from}.`, text: missingWords(facts, from) };
    case 'not-probed':
      if (facts.missing === 'passive')
        return { tone, title: 'Not probed.', text: `${from} is on a passive node: it only answers.` };
      return { tone, title: 'Not probed.', text: `PING_NUMBER assigned other pods to ${from}.` };
    case 'not-yet':
      return { tone, title: 'Pending.', text: `${to} or ${from} has just started; the first ping is due.` };
    case 'ignored':
      return {
        tone,
        title: 'Left out.',
        text: 'A pod of this link is on a cordoned node (IGNORE_CORDONED): whatever its pings say is no fault.',
      };
    case 'gone':
      return { tone, title: 'One of the two pods is gone.', text: 'The last results are kept for a few minutes.' };
    default:
      if (facts.lossy && facts.udp !== null) {
        const { sent, lost } = facts.udp;
        const text = `${shareText(lost / sent)} of ${plural(sent, 'datagram')} to ${to} were lost, while pings work: TCP sends lost packets again. Check the network.`;
        return { tone: 'warning', title: 'Loses datagrams.', text };
      }
      return { tone, title: 'Healthy.', text: `All phases from ${from} to ${to} are fast.` };
  }
}

/** `20 % lost`, `0.5 % lost`, `none lost`. */
export function lossText({ sent, lost }: { sent: number; lost: number }): string {
  if (lost === 0) return 'none lost';
  return `${shareText(lost / sent)} lost`;
}

function lateWords(facts: LinkFacts, { from, to }: MessageContext): { title: string; text: string } {
  const again = facts.connectUs >= SYN_RETRANSMISSION_US ? ' Above 1 s, a lost packet was retransmitted.' : '';
  switch (latePhase(facts.connectUs, facts.firstByteUs, facts.totalUs)) {
    case 'first-byte':
      return {
        title: 'Connects fast, responds slowly.',
        text: `Check the process or a proxy in ${to}. The network is fine.`,
      };
    case 'connect':
      return {
        title: 'Connects slowly, responds fast.',
        text: `Check the network to ${to} and its node: new connections wait.${again}`,
      };
    case 'both':
      return {
        title: 'Connects and responds slowly.',
        text: `Check the network between ${from} and ${to}.${again}`,
      };
    case 'response':
    case 'body':
      return {
        title: 'The response starts fast and ends late.',
        text: `Check the process in ${to}, and for lost packets.`,
      };
    case 'unmeasured':
      return {
        title: 'Slow, phase unknown.',
        text: `${from} reports in Goldpinger’s format: whole milliseconds, no phases.`,
      };
  }
}

const WHILE: Record<Phase, string> = {
  connect: 'while connecting',
  'first-byte': 'before the first byte',
  body: 'during the response',
};

function failedWords(outcome: Outcome, phase: Phase | null, context: MessageContext): { title: string; text: string } {
  const { to } = context;
  switch (outcome) {
    case 'refused':
      return {
        title: `${to} refuses the connection.`,
        text: `The address is reachable, but nothing listens on the port. Check the process in ${to}.`,
      };
    case 'reset':
      return {
        title: `The connection is reset ${WHILE[phase ?? 'connect']}.`,
        text: `The process in ${to}, a proxy or a firewall closed it.`,
      };
    case 'timeout':
      return timeoutWords(phase, context);
    case 'unreachable':
      return { title: `${to} is unreachable.`, text: 'Check routes, the network plugin and its node.' };
    case 'dns':
      return { title: `The name of ${to} does not resolve.`, text: 'Check the cluster DNS.' };
    case 'http-status':
      return {
        title: `${to} returns an HTTP error.`,
        text: 'The network is fine. Check the process or a proxy in the pod.',
      };
    case 'malformed':
      return {
        title: `${to} sends a malformed response.`,
        text: 'Another program listens on that port, or a proxy answers instead.',
      };
    case 'no-address':
      return { title: `${to} has no address.`, text: 'The pod has no address of the IP family that is pinged.' };
    case 'ok':
      return { title: 'Healthy.', text: '' };
  }
}

function timeoutWords(phase: Phase | null, { to, timeoutMs }: MessageContext): { title: string; text: string } {
  const limit = latencyText(timeoutMs * 1000);
  if (phase === 'first-byte') {
    return {
      title: `Connects, but no response within ${limit}.`,
      text: `The network is fine. The process in ${to}, or a proxy in front of it, hangs.`,
    };
  }
  if (phase === 'body') {
    return {
      title: `Incomplete response after ${limit}.`,
      text: `Check the process in ${to}, and for lost packets.`,
    };
  }
  return {
    title: `No connection within ${limit}.`,
    text: `Packets are lost or dropped. Check the network, network policies and the node of ${to}.`,
  };
}

function missingWords({ missing }: LinkFacts, from: string): string {
  if (missing === 'not-asked')
    return `It was not asked: no address yet, or out of time. Outbound results of ${from} are unknown.`;
  if (missing === '') return 'Its report has no result for this link.';
  return `The request for its report failed: ${missing}. Outbound results of ${from} are unknown.`;
}
