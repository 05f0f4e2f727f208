import { latePhase } from '../../server/protocol/link-state.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';
import { latencyText } from './figures.ts';
import type { LinkFacts } from './link-facts.ts';
import type { LinkState } from './link-state.ts';

/** A sentence on what is wrong, and one on where to look. `tone` is the state whose colour goes with it. */
export interface Verdict {
  tone: LinkState;
  title: string;
  text: string;
}

/** What the words need beside the figures: names as they may be shown, and limits in ms. */
export interface WordsContext {
  from: string;
  to: string;
  problemMs: number;
  timeoutMs: number;
  /**
   * The server has found the cause of the way there, or back, and says where to look: then the link's own figures only are
   * told here. What it found of the other way is no cause of this one.
   */
  isFoundThere: boolean;
  isFoundBack: boolean;
}

/** TCP sends a lost SYN again after 1 s (RFC 6298, section 2: initial RTO). */
const SYN_AGAIN_US = 1_000_000;

/**
 * What is wrong with a link and where to look, by outcome first and by phase second; `back` is the same link the other
 * way round (the same facts for a self-link). Speaks of the way there unless only the way back has a fault.
 */
export function linkVerdict(there: LinkFacts, back: LinkFacts, context: WordsContext): Verdict {
  const { isFoundThere, isFoundBack } = context;
  const turned = { ...context, from: context.to, to: context.from };
  const isBackWorse = severity(back) > severity(there) && severity(back) >= 2;
  const [facts, other, words] = isBackWorse ? [back, there, turned] : [there, back, context];
  const verdict = oneWay(facts, words);
  if ((isBackWorse ? isFoundBack : isFoundThere) && severity(facts) >= 2) verdict.text = '';
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
  if (back.state === 'good' || back.state === 'fair') return 'The way back is good.';
  if (back.state === 'failed') return facts.state === 'failed' ? 'The way back fails too.' : 'The way back fails.';
  if (back.state === 'slow') return facts.state === 'slow' ? 'The way back is slow too.' : 'The way back is slow.';
  return '';
}

function oneWay(facts: LinkFacts, context: WordsContext): Verdict {
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
        title: `${from} was starved when it measured.`,
        text: 'Its own process was kept busy, so the figure may be its own doing. Look at its CPU limit.',
      };
    case 'unknown':
      return { tone, title: `${from} did not report.`, text: missingWords(facts, from) };
    case 'not-probed':
      return { tone, title: 'This link is not probed.', text: `PING_NUMBER gives ${from} other pods to ping.` };
    case 'not-yet':
      return { tone, title: 'Not probed yet.', text: `${to} or ${from} has only just come; the first ping is due.` };
    case 'gone':
      return { tone, title: 'One of the two has left.', text: 'What was measured last is kept for a few minutes.' };
    default:
      return { tone, title: 'Answers in time.', text: `No phase is late between ${from} and ${to}.` };
  }
}

function lateWords(facts: LinkFacts, { from, to }: WordsContext): { title: string; text: string } {
  const again = facts.connectUs >= SYN_AGAIN_US ? ' Beyond 1 s a packet was lost and sent again.' : '';
  switch (latePhase(facts.connectUs, facts.firstByteUs, facts.totalUs)) {
    case 'first-byte':
      return {
        title: 'The first byte is late, the connection is not.',
        text: `Look at the process or a proxy in ${to}. The network is fine.`,
      };
    case 'connect':
      return {
        title: 'The connection is late, the first byte is not.',
        text: `Look at the network to ${to}, or at its node: new connections wait.${again}`,
      };
    case 'both':
      return {
        title: 'Connection and first byte are both late.',
        text: `Look at the network between ${from} and ${to}.${again}`,
      };
    case 'body':
      return {
        title: 'The answer begins in time and ends late.',
        text: `Look at the process in ${to}, or at lost packets on the way.`,
      };
    case 'unmeasured':
      return {
        title: 'Late, and in which phase is not known.',
        text: `${from} reports as Goldpinger does: whole milliseconds, no phases.`,
      };
  }
}

const WHILE: Record<Phase, string> = {
  connect: 'while connecting',
  'first-byte': 'before the first byte',
  body: 'in the middle of the answer',
};

function failedWords(outcome: Outcome, phase: Phase | null, context: WordsContext): { title: string; text: string } {
  const { to } = context;
  switch (outcome) {
    case 'refused':
      return {
        title: `${to} refuses the connection.`,
        text: `Its address answers, but nothing listens on the port. Look at the process in ${to}.`,
      };
    case 'reset':
      return {
        title: `The connection is reset ${WHILE[phase ?? 'connect']}.`,
        text: `The process in ${to}, a proxy or a firewall closed it.`,
      };
    case 'timeout':
      return timeoutWords(phase, context);
    case 'unreachable':
      return { title: `There is no way to ${to}.`, text: 'Look at routes, the network plugin and its node.' };
    case 'dns':
      return { title: `The name of ${to} is not resolved.`, text: 'Look at the cluster DNS.' };
    case 'http-status':
      return {
        title: `${to} answers with an error.`,
        text: 'The network is fine. Look at the process or a proxy in it.',
      };
    case 'malformed':
      return {
        title: `${to} does not answer as a pod of ours does.`,
        text: 'Something else listens on that port, or a proxy answers in its place.',
      };
    case 'no-address':
      return { title: `${to} has no address.`, text: 'It has none of the IP family that is to be pinged.' };
    case 'ok':
      return { title: 'Answers in time.', text: '' };
  }
}

function timeoutWords(phase: Phase | null, { to, timeoutMs }: WordsContext): { title: string; text: string } {
  const limit = latencyText(timeoutMs * 1000);
  if (phase === 'first-byte') {
    return {
      title: `It connects, but no byte comes within ${limit}.`,
      text: `The network is fine. The process in ${to}, or a proxy in it, hangs.`,
    };
  }
  if (phase === 'body') {
    return {
      title: `The answer begins and does not end within ${limit}.`,
      text: `Look at the process in ${to}, or at lost packets on the way.`,
    };
  }
  return {
    title: `No connection within ${limit}.`,
    text: `Packets are lost or dropped: look at the network, at network policies and at the node of ${to}.`,
  };
}

function missingWords({ missing }: LinkFacts, from: string): string {
  if (missing === 'not-asked')
    return `It was not asked: no address yet, or no time left. What ${from} sees is not known.`;
  if (missing === '') return 'It gave no figure for this link.';
  return `Asking it for its figures came to: ${missing}. What ${from} sees is not known.`;
}
