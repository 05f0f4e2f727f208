import { latePhase } from '../../server/protocol/link-state.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';
import { latencyText } from './figures.ts';
import type { LinkFacts } from './link-facts.ts';
import type { LinkState } from './link-state.ts';

/** A sentence on what is wrong, and one on where to look. `tone` is the state whose colour goes with it. */
export interface LinkMessage {
  tone: LinkState;
  title: string;
  text: string;
}

/** What the words need beside the figures: names as they may be shown, and limits in ms. */
export interface MessageContext {
  from: string;
  to: string;
  problemMs: number;
  timeoutMs: number;
  /**
   * The server has found the cause of the way there, or back, and says where to look: then the link's own figures only are
   * told here. What it found of the other way is no cause of this one.
   */
  isForwardExplained: boolean;
  isReverseExplained: boolean;
}

/** TCP sends a lost SYN again after 1 s (RFC 6298, section 2: initial RTO). */
const SYN_AGAIN_US = 1_000_000;

/**
 * What is wrong with a link and where to look, by outcome first and by phase second; `back` is the same link the other
 * way round (the same facts for a self-link). Speaks of the way there unless only the way back has a fault.
 */
export function linkMessage(there: LinkFacts, back: LinkFacts, context: MessageContext): LinkMessage {
  const { isForwardExplained, isReverseExplained } = context;
  const turned = { ...context, from: context.to, to: context.from };
  const isBackWorse = severity(back) > severity(there) && severity(back) >= 2;
  const [facts, other, words] = isBackWorse ? [back, there, turned] : [there, back, context];
  const verdict = oneWay(facts, words);
  if ((isBackWorse ? isReverseExplained : isForwardExplained) && severity(facts) >= 2) verdict.text = '';
  if (there === back || severity(facts) < 2) return verdict;
  return { ...verdict, text: `${verdict.text} ${wayBack(facts, other)}`.trim() };
}

function severity({ state }: LinkFacts): number {
  if (state === 'failed') return 4;
  if (state === 'slow') return 3;
  if (state === 'warning' || state === 'suspect') return 2;
  return state === 'unknown' ? 1 : 0;
}

function wayBack(facts: LinkFacts, back: LinkFacts): string {
  if (back.state === 'good' || back.state === 'fair') return 'Reverse direction is fine.';
  if (back.state === 'failed')
    return facts.state === 'failed' ? 'Reverse direction fails too.' : 'Reverse direction fails.';
  if (back.state === 'slow')
    return facts.state === 'slow' ? 'Reverse direction is slow too.' : 'Reverse direction is slow.';
  return '';
}

function oneWay(facts: LinkFacts, context: MessageContext): LinkMessage {
  const { from, to } = context;
  const tone = facts.state;
  switch (facts.state) {
    case 'failed':
      return { tone, ...failedWords(facts.outcome ?? 'malformed', facts.phase, context) };
    case 'slow':
    case 'warning':
      return { tone, ...lateWords(facts, context) };
    case 'suspect':
      return {
        tone,
        title: `Unreliable: ${from} was short of CPU.`,
        text: 'The measuring process had to wait for CPU, which can cause the result. Check its CPU limit.',
      };
    case 'unknown':
      return { tone, title: `No report from ${from}.`, text: missingWords(facts, from) };
    case 'not-probed':
      return { tone, title: 'Not probed.', text: `PING_NUMBER assigned other pods to ${from}.` };
    case 'not-yet':
      return { tone, title: 'Pending.', text: `${to} or ${from} has just started; the first ping is due.` };
    case 'gone':
      return { tone, title: 'One of the two pods is gone.', text: 'The last results are kept for a few minutes.' };
    default:
      return { tone, title: 'Healthy.', text: `All phases from ${from} to ${to} are fast.` };
  }
}

function lateWords(facts: LinkFacts, { from, to }: MessageContext): { title: string; text: string } {
  const again = facts.connectUs >= SYN_AGAIN_US ? ' Above 1 s, a lost packet was retransmitted.' : '';
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
