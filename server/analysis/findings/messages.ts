import {
  type Finding,
  type FindingKind,
  MAX_FINDING_DETAIL,
  MAX_FINDING_PODS,
  MAX_FINDING_TITLE,
} from '../../protocol/finding.ts';
import { failureAdvice, lateAdvice } from '../../protocol/link-advice.ts';
import type { LatePhase } from '../../protocol/link-state.ts';
import { type FailsOnly, type Outcome, PHASES, type Phase } from '../../protocol/sample.ts';
import { countText } from '../../runtime/count-text.ts';
import { latencyText } from '../../runtime/measure-text.ts';
import { LAST_MOMENT_MS } from '../../runtime/time.ts';
import { percent } from '../text.ts';
import { type Defect, IPV4, IPV6, type MeshCounts } from './counts.ts';
import type { DefectAnalysis, Evidence } from './evidence.ts';

/*
 * Makes a finding of a cause. The titles of findings about links have the form `subject: what, how: advice`, for example
 * `pod-a: unreachable from all 3 others, refused: nothing listens on its port`. The page shows the parts separately. Only the title
 * of an intermittent pod, node or pair of zones ends with `intermittent`; its advice is in the detail.
 */

/** What bad links do: `3 of 4 links into it fail`. */
export const VERBS: Record<Defect, string> = {
  failed: 'fail',
  intermittent: 'fail at times',
  slow: 'are slow',
  lossy: 'lose datagrams',
};

/** The kind of a finding by the defect of its links. Loss has kinds of its own, because a lossy finding has the severity `slow`. */
export const KINDS: Record<Defect, Record<'node' | 'zones' | 'into' | 'out' | 'link', FindingKind>> = {
  failed: { node: 'node', zones: 'zone-block', into: 'pod-unreachable', out: 'pod-reaches-nobody', link: 'link' },
  intermittent: {
    node: 'node',
    zones: 'zone-block',
    into: 'pod-intermittent',
    out: 'pod-intermittent-out',
    link: 'link-intermittent',
  },
  slow: { node: 'node', zones: 'zone-block', into: 'pod-slow', out: 'pod-slow-out', link: 'link-slow' },
  lossy: { node: 'node-lossy', zones: 'zones-lossy', into: 'pod-lossy', out: 'pod-lossy-out', link: 'link-lossy' },
};

/**
 * Makes a finding. What `facts` do not say is not known; without counts it counts its pods. Long texts and lists are cut, and a
 * `sinceMs` that no calendar has is not known: it may be what another pod claims.
 */
export function makeFinding({
  pods = [],
  detail = '',
  sinceMs = 0,
  ...facts
}: Pick<Finding, 'kind' | 'severity' | 'subject' | 'title'> & Partial<Finding>): Finding {
  return {
    from: [],
    affected: pods.length,
    of: pods.length,
    outcome: null,
    phase: null,
    connectUs: -1,
    firstByteUs: -1,
    totalUs: -1,
    sinceMs: sinceMs > 0 && sinceMs <= LAST_MOMENT_MS ? sinceMs : 0,
    ...facts,
    pods: pods.slice(0, MAX_FINDING_PODS),
    title: facts.title.slice(0, MAX_FINDING_TITLE),
    detail: detail.slice(0, MAX_FINDING_DETAIL),
  };
}

/** A cause, or a link without one, as `findingOf` describes it. */
export interface CauseFacts {
  kind: FindingKind;
  subject: string;
  pods: number[];
  evidence: Evidence;
  /** The number of pairs that could show the cause. */
  of: number;
  /** The number of pairs that are probed. If it is larger than `of`, the detail says why. */
  probed?: number;
  /** Which links are bad: ` into it`, ` out of it`. Without it the detail has no counts: a single link. */
  direction?: string;
  /** Which pods see it: `from all 3 others`. Only used for intermittent links. */
  who?: string;
  /** What is wrong: `unreachable from all 3 others`. Only used for failed and slow links. */
  what: string;
  /** What to check if links fail. By default what the outcome suggests. */
  advice?: string;
  /** What to check if links are slow because of the network. */
  network?: string;
  /** Sentences for the end of the detail: `It reaches the others: only one direction is bad.` Not used for lossy links. */
  remark?: string;
}

/** A finding about links, with the figures of its evidence. */
export function findingOf({ pairs, mesh }: DefectAnalysis, cause: CauseFacts): Finding {
  const { kind, subject, pods, evidence, of, remark = '' } = cause;
  const { defect } = pairs;
  const isSlow = defect === 'slow';
  const isLossy = defect === 'lossy';
  const { outcome, phase } = evidence.commonOutcome();
  const latePhase = evidence.latePhase();
  const details = [
    isSlow && evidence.isFailing ? 'Some answers are so late that their ping fails.' : '',
    countsText(defect, cause),
    isSlow ? medianText(evidence) : '',
    isLossy ? LOSS_REMARK : remark,
    defect === 'intermittent' && cause.who !== undefined ? adviceSentence(evidence) : '',
  ];
  return makeFinding({
    kind,
    // Health counts each link that fails now, and the two must agree. An intermittent link counts by its newest ping.
    severity: evidence.isFailing ? 'failed' : 'slow',
    subject,
    pods,
    from: evidence.from,
    affected: evidence.affected,
    of,
    outcome: isSlow || outcome === 'ok' ? null : outcome,
    phase: isSlow ? (PHASES.find((one) => one === latePhase) ?? null) : phase,
    // A lossy link is not late.
    ...(isLossy ? {} : evidence.medians()),
    sinceMs: defect === 'intermittent' || isLossy ? 0 : evidence.sinceMs(isSlow),
    title: `${subject}: ${titleText(defect, cause, familyText(mesh, evidence))}`,
    detail: details.filter(Boolean).join(' ').trim(),
  });
}

/** Describes causes in the order of their subjects, which does not change from one look to the next. Yields after each. */
export function* findingsOf(analysis: DefectAnalysis, causes: CauseFacts[]): Generator<void, Finding[]> {
  const findings: Finding[] = [];
  for (const cause of causes.sort((a, b) => (a.subject < b.subject ? -1 : 1))) {
    findings.push(findingOf(analysis, cause));
    yield;
  }
  return findings;
}

/** The UDP probe can't tell a lost datagram from a lost echo. */
const LOSS_REMARK =
  'TCP sends lost packets again, so pings hide it. A lost echo counts as a lost datagram: the loss may be in either direction.';

/** `what, how: advice`. */
function titleText(defect: Defect, cause: CauseFacts, family: string): string {
  const { evidence, direction = '', who = '', what, advice, network = 'the network' } = cause;
  const failsOnly = evidence.failsOnly();
  if (defect === 'lossy') {
    return `${lossText(evidence.shareOfLostDatagrams())} of datagrams${direction} are lost${family}, packet loss, HTTP works: check ${network}`;
  }
  if (defect === 'intermittent') {
    const share = evidence.shareOfFailedPings();
    const pings = share < 0 ? 'some pings' : `${aboutShare(share)} of pings`;
    const kind = `intermittent${onlyText(failsOnly)}`;
    const how = who === '' ? `${kind}: ${intermittentAdvice(failsOnly)}` : `${who}: ${kind}`;
    return `${pings}${direction} fail${family}, ${how}`;
  }
  if (defect === 'failed') {
    const { outcome, phase } = evidence.commonOutcome();
    // Which family the pod lacks is told with the link.
    const where = outcome === 'no-address' ? '' : family;
    const check = CONNECTION_ADVICE[failsOnly] || (advice ?? failureAdvice(outcome, phase));
    return `${what}, ${outcomeText(outcome, phase)}${where}${onlyText(failsOnly)}: ${check}`;
  }
  if (evidence.medians().totalUs < 0) return `${what} until now, the newest pings are fast${family}: it may have ended`;
  const phase = evidence.latePhase();
  return `${what}, ${LATE_TEXT[phase]}${family}: ${lateAdvice(phase, network)}`;
}

/** What to check if only one kind of connection fails. */
const CONNECTION_ADVICE: Record<FailsOnly, string> = {
  '': '',
  new: 'check for a new firewall rule or network policy, a full conntrack table or a full listen backlog',
  open: 'check for a firewall, NAT or load balancer that has forgotten them',
};

function intermittentAdvice(failsOnly: FailsOnly): string {
  return CONNECTION_ADVICE[failsOnly] || 'check for lost packets';
}

/** `Check for lost packets.` */
function adviceSentence(evidence: Evidence): string {
  return `${intermittentAdvice(evidence.failsOnly()).replace(/^check/, 'Check')}.`;
}

/** `, only new connections fail`. */
function onlyText(failsOnly: FailsOnly): string {
  return failsOnly === '' ? '' : `, only ${failsOnly} connections fail`;
}

/** ` over IPv6 only`; '' if both families are bad, or if only one is probed. */
function familyText({ bothFamilies }: MeshCounts, { families }: Evidence): string {
  if (!bothFamilies || families === (IPV4 | IPV6)) return '';
  return ` over ${families === IPV6 ? 'IPv6' : 'IPv4'} only`;
}

/** `timeout in connect`, `timeout waiting for the first byte`, `refused`. */
export function outcomeText(outcome: Outcome, phase: Phase | null): string {
  if (outcome !== 'timeout' || phase === null) return outcome;
  if (phase === 'connect') return 'timeout in connect';
  return phase === 'first-byte' ? 'timeout waiting for the first byte' : 'timeout within the response';
}

const LATE_TEXT: Record<LatePhase, string> = {
  connect: 'only connecting is late',
  'first-byte': 'only the first byte is late',
  body: 'only the rest of the response is late',
  response: 'the first byte and the rest of the response are late',
  both: 'connecting and the first byte are late',
  unmeasured: 'its phases are not measured',
};

/** `3 of 4 links into it fail (75 %). 2 more are not counted, because ...`; '' for a single link. */
function countsText(defect: Defect, { evidence: { affected }, of, probed = of, direction }: CauseFacts): string {
  if (direction === undefined) return '';
  const counted = `${countText(affected)} of ${countText(of)} links${direction} ${VERBS[defect]} (${percent(affected, of)}).`;
  const left = probed - of;
  if (left <= 0) return counted;
  const [areNot, theyFail, them] = left === 1 ? ['is not', 'it fails', 'it'] : ['are not', 'they fail', 'them'];
  const why = `${defect === 'failed' ? '' : `${theyFail} or `}other findings explain ${them}`;
  return `${counted} ${countText(left)} more ${areNot} counted, because ${why}.`;
}

/** `about 30 %`: in steps of ten, at least 5 %, so that the text does not change with every ping. */
function aboutShare(share: number): string {
  return `about ${Math.max(5, Math.round(share * 10) * 10)} %`;
}

/** `about 20 %`: in steps of ten, below ten in steps of one. */
function lossText(share: number): string {
  return share < 0.095 ? `about ${Math.max(1, Math.round(share * 100))} %` : aboutShare(share);
}

/** `Median 252 ms: connect 0.2 ms, first byte 251 ms.`; the rest of the response only if it took time. */
function medianText(evidence: Evidence): string {
  const { connectUs, firstByteUs, totalUs } = evidence.medians();
  if (totalUs < 0) return '';
  if (connectUs < 0 || firstByteUs < 0) return `Median ${latencyText(totalUs)}.`;
  const restUs = totalUs - connectUs - firstByteUs;
  const rest = restUs >= totalUs * 0.05 ? `, rest of the response ${latencyText(restUs)}` : '';
  return `Median ${latencyText(totalUs)}: connect ${latencyText(connectUs)}, first byte ${latencyText(firstByteUs)}${rest}.`;
}

/** The error text of the first link as a sentence; '' = none. */
export function errorText(evidence: Evidence): string {
  const text = evidence.firstErrorText();
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}. `;
}
