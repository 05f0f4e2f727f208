import { describe, expect, it } from 'vitest';
import { clusterHealthAnswer } from '../../../../server/goldpinger/cluster-health-answer.ts';
import {
  FLAG_INTERMITTENT,
  FLAG_NOT_YET,
  FLAG_RECOVERED,
  FLAG_SLOW,
  FLAG_SUSPECT,
} from '../../../../server/protocol/links.ts';
import { LATE_ANSWER, type LinkFault, MeshBuilder, meshOf, NOW_MS } from '../../../support/mesh.ts';
import { expectTrueCounts } from '../../../support/true-counts.ts';
import { both, type Change, each, pod, set, silence } from '../changes.ts';

const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
const NO_RESPONSE: LinkFault = { outcome: 'timeout', phase: 'first-byte' };
const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };
/** A link that lost 5 of its last 16 pings: its newest ping was ok, or failed. */
const LOSSY: LinkFault = { flags: FLAG_INTERMITTENT, failures: 5 };
const LOSSY_NOW: LinkFault = { ...LOSSY, ...TIMEOUT, fresh: true };

/** Twelve pods on six nodes in three zones. */
const mesh = () => new MeshBuilder(12, { perNode: 2, zones: 3 });
const isOn = (node: number) => (pod: number) => Math.floor(pod / 2) === node;

const into = (to: number, fault: LinkFault) => each((_, one) => one === to, fault);
const starved =
  (pod: number): Change =>
  (builder) =>
    builder.starve(pod);
/** The pod was starved until so long ago. */
const recovered =
  (pod: number, agoMs: number): Change =>
  (builder) =>
    builder.recover(pod, agoMs);
const late =
  (pod: number, times: [fromAgeMs: number, toAgeMs: number][], isNow = false): Change =>
  (builder) =>
    builder.wasLate(pod, times, isNow);
/** Cuts the links between some pods and all others, and the reports of the others as those pods ask for them. */
const cutOff =
  (isInside: (pod: number) => boolean, fault: LinkFault = TIMEOUT): Change =>
  (builder) => {
    for (let i = 0; i < builder.size; i++) if (!isInside(i)) builder.silence(i);
    builder.each((from, to) => isInside(from) && !isInside(to), fault);
  };
const isInZone = (i: number) => Math.floor(i / 2) % 3 === 0;

const ENDED = { ageMs: 300, sinceMs: 300, flags: FLAG_RECOVERED };
const ONE_WAY = 'one-way pod-3 → pod-8';
const AT_TIMES = 'link-intermittent pod-3 → pod-8';
const NODES = [0, 1, 3, 4, 5].map((node) => `node node node-${node}`);

/**
 * Each fault, kind and subject of all findings, and the pods that health accuses; which pod is asked (0 by default), and what
 * title and detail of the first finding say.
 */
type Planted = [plant: Change, found: string[], unhealthy: number[], more?: { servedBy?: number; text?: RegExp }];

const FAULTS: Record<string, Planted> = {
  'a dead pod': [both(into(5, TIMEOUT), silence(5)), ['pod-unreachable pod-5'], [5]],
  'a dead node': [both(into(4, TIMEOUT), into(5, TIMEOUT), silence(4), silence(5)), ['node node node-2'], [4, 5]],
  'a node that is cut off, asked on that node': [
    cutOff(isOn(2)),
    ['node node node-2'],
    [4, 5],
    {
      servedBy: 4,
      text: /^node node-2: reaches no pod on other nodes, timeout in connect: check the node and its network\./,
    },
  ],
  'a node that is cut off, asked on that node before its links are pinged again': [
    cutOff(isOn(2), {}),
    ['node node node-2'],
    [4, 5],
    { servedBy: 4 },
  ],
  'a node that is cut off, asked on that node: a past refusal, too old for the moment that is shown, is no answer': [
    both(cutOff(isOn(2)), set(4, 0, { ...REFUSED, flags: FLAG_NOT_YET })),
    ['node node node-2'],
    [4, 5],
    { servedBy: 4 },
  ],
  'a pod that is cut off, asked on that pod': [
    cutOff((i) => i === 7),
    ['pod-reaches-nobody pod-7'],
    [7],
    {
      servedBy: 7,
      text: /^pod-7: reaches none of the 11 others, timeout in connect: check its own network\. 11 of 11 links out of it fail \(100 %\)\. No report says whether other pods reach it\.$/,
    },
  ],
  'a zone that is cut off, asked in that zone': [
    cutOff(isInZone),
    ['cut-off 4 of 12 pods'],
    [0, 1, 6, 7],
    { text: /^4 of 12 pods: reach none of the 8 others, .*: this side cannot tell which of the two is cut off\./ },
  ],
  'a zone that is cut off, asked in the other zones': [
    cutOff((i) => !isInZone(i)),
    ['zone-block zone zone-0'],
    [0, 1, 6, 7],
    { servedBy: 2 },
  ],
  'a slow pod, one ping into which times out': [
    both(into(5, LATE_ANSWER), set(1, 5, TIMEOUT)),
    ['pod-slow pod-5'],
    [5],
  ],
  'most pods refuse: something answers, so they are not cut off': [
    cutOff(isOn(2), REFUSED),
    NODES,
    [0, 1, 2, 3, 6, 7, 8, 9, 10, 11],
    { servedBy: 4 },
  ],
  'one failed link whose newest sample is suspect': [set(3, 8, { ...TIMEOUT, flags: FLAG_SUSPECT }), [ONE_WAY], [8]],
  'one failed link, while the other direction has not been pinged since': [
    set(3, 8, { ...TIMEOUT, ageMs: 500, sinceMs: 500 }),
    ['link pod-3 → pod-8'],
    [8],
  ],
  'one direction of a link, the other one ok, as measured by a starved pod': [
    both(set(3, 8, { ...TIMEOUT, ageMs: 500, sinceMs: 1_500 }), set(8, 3, { ageMs: 300, flags: FLAG_SUSPECT })),
    [ONE_WAY],
    [8],
  ],
  'a fault of a pair that has ended, while one direction was not pinged since': [
    both(set(3, 8, { ...TIMEOUT, ageMs: 5_000, sinceMs: 60_000 }), set(8, 3, ENDED)),
    ['link pod-3 ⇄ pod-8'],
    [8],
  ],
  'a fault of a pod that has ended, while two links into it were not pinged since': [
    both(into(5, ENDED), set(10, 5, TIMEOUT), set(11, 5, TIMEOUT)),
    ['pod-unreachable pod-5'],
    [5],
  ],
  'a fault of a pod that has ended': [into(5, ENDED), [], []],
  'a link that loses packets, its newest ping ok': [
    set(3, 8, LOSSY),
    [AT_TIMES],
    [],
    { text: /^pod-3 → pod-8: about 30 % of pings fail, intermittent: check for lost packets\./ },
  ],
  'a link that loses packets, its newest ping failed': [set(3, 8, LOSSY_NOW), [AT_TIMES], [8]],
  'a pod into which pings fail at times': [
    both(into(5, LOSSY), set(1, 5, LOSSY_NOW), set(2, 5, ENDED), set(3, 5, { ...TIMEOUT, fresh: true })),
    ['pod-intermittent pod-5'],
    [5],
    { text: /^pod-5: about 30 % of pings into it fail, from \d+ of .*: intermittent\. .* Check for lost packets\.$/ },
  ],
  'a pod that reaches others at times, and is reached at times, whose newest pings fail': [
    both(
      into(5, LOSSY),
      each((from) => from === 5, LOSSY_NOW),
    ),
    ['pod-intermittent pod-5'],
    [5],
  ],
  'a node into which pings fail at times, and between whose own pods one fails now': [
    both(
      each((from, to) => isOn(2)(to) && !isOn(2)(from), LOSSY),
      set(4, 5, LOSSY_NOW),
    ),
    ['node node node-2'],
    [5],
  ],
  'a node into which pings fail at times, and between whose own pods a link has failed': [
    both(
      each((from, to) => isOn(2)(to) && !isOn(2)(from), LOSSY),
      set(4, 5, { ...TIMEOUT, fresh: true }),
    ),
    ['node node node-2'],
    [5],
  ],
  'a bad node: health blames its pods, not those that they do not reach': [
    each((from, to) => isOn(2)(from) !== isOn(2)(to) && (isOn(2)(to) || to < 8), TIMEOUT),
    ['node node node-2'],
    [4, 5],
  ],
  'a pod that was ready and reports, and that others do not reach': [
    both(pod(5, { lifecycle: 'not-ready' }), into(5, REFUSED)),
    ['pod-unreachable pod-5'],
    [5],
  ],
  'a pod that reaches itself at times, and not now': [set(5, 5, LOSSY_NOW), ['link pod-5 → pod-5'], [5]],
  'one slow sample, while the others of its window are not slow': [set(3, 8, { ...LATE_ANSWER, fresh: true }), [], []],
  'a slow link, after three slow samples': [
    set(3, 8, { ...LATE_ANSWER, fresh: true, flags: FLAG_SLOW }),
    ['link-slow pod-3 → pod-8'],
    [],
  ],
  'a starved pod: what it measures and what others measure into it': [
    both(starved(5), set(1, 5, TIMEOUT), into(5, LATE_ANSWER)),
    ['cpu-starved pod-5'],
    [],
  ],
  'pings that timed out 17 s ago, when a pod hung for 4 s': [
    both(
      late(5, [[21_000, 17_000]]),
      set(1, 5, { ...NO_RESPONSE, ageMs: 17_200, fresh: true }),
      set(2, 5, { ...NO_RESPONSE, ageMs: 20_500, fresh: true }),
    ),
    ['cpu-starved pod-5'],
    [],
    { text: /^pod-5: was CPU-starved a moment ago/ },
  ],
  'a ping that timed out 25 s ago, and the loop of its destination is late now': [
    both(late(8, [[1_000, 0]], true), set(3, 8, { ...NO_RESPONSE, ageMs: 25_000, sinceMs: 90_000 })),
    [ONE_WAY],
    [8],
  ],
  'links that failed while a pod was starved, which has ended a moment ago': [
    both(
      recovered(5, 3_000),
      each((from, to) => (from === 5) !== (to === 5), LOSSY),
    ),
    [],
    [],
  ],
  'a link that fails now and failed before, into a pod that was starved until a moment ago': [
    both(recovered(8, 3_000), set(3, 8, LOSSY_NOW)),
    [AT_TIMES],
    [8],
  ],
  'a link that loses packets, into a pod that was starved long ago': [
    both(recovered(8, 3_600_000), set(3, 8, LOSSY)),
    [AT_TIMES],
    [],
  ],
  'a starved pod whose connections time out, which the kernel would open for it': [
    both(starved(5), into(5, TIMEOUT)),
    ['pod-unreachable pod-5', 'cpu-starved pod-5'],
    [5],
  ],
  'a starved pod that refuses all the same': [
    both(starved(5), into(5, REFUSED)),
    ['pod-unreachable pod-5', 'cpu-starved pod-5'],
    [5],
  ],
  'a pod with an old list of pods': [
    ({ reports }) => Object.assign(reports[5]!, { samePeers: false }),
    ['list-differs pod-5'],
    [5],
  ],
  'an old list of pods on the serving pod': [
    ({ reports }) => reports.map((report) => Object.assign(report, { samePeers: report.pod === 4 })),
    ['list-differs pod-4'],
    [4],
    { servedBy: 4 },
  ],
  'a pod whose deletion is overdue, which health does not count': [
    both(pod(5, { lifecycle: 'terminating', sinceMs: NOW_MS - 600_000 }), into(5, TIMEOUT), silence(5)),
    ['pod-overdue pod-5'],
    [],
  ],
  'two clones that refuse': [
    both(pod(9, { owner: 'rs' }), pod(10, { owner: 'rs' }), into(9, REFUSED), into(10, REFUSED)),
    ['pod-unreachable pod-10, pod-9'],
    [9, 10],
  ],
};

describe.each(Object.entries(FAULTS))('%s', (_, [plant, found, unhealthy, { servedBy = 0, text = /./ } = {}]) => {
  const builder = mesh();
  plant(builder);
  const findings = builder.findings(servedBy);
  const served = { servedBy: { pod: servedBy, name: '' } };
  const whole = meshOf(builder.pods, builder.reports, served);

  it('is what is found, and nobody else is accused', () => {
    expect(findings.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(found);
    const [first] = findings;
    if (first !== undefined) expect(`${first.title}. ${first.detail}`).toMatch(text);
  });

  it('is what health says at the same moment', () => {
    expect(whole.health.reasons.map(({ pod }) => pod)).toEqual(unhealthy);
    const isAnyFailed = findings.some(({ severity, kind }) => severity === 'failed' || kind === 'list-differs');
    expect(whole.health.ok).toBe(!isAnyFailed);
  });

  it('is found the same in whatever order the reports come, with the counts that the mesh shows', () => {
    expectTrueCounts(builder, findings);
    builder.reports.reverse();
    expect(builder.findings(servedBy)).toEqual(findings);
  });
});

it('nodes that nobody on this side of a cut can judge are called neither healthy nor unhealthy', () => {
  const builder = mesh();
  cutOff(isOn(2))(builder);
  const answer = clusterHealthAnswer(meshOf(builder.pods, builder.reports, { servedBy: { pod: 4, name: '' } }));
  expect(answer).toMatchObject({
    OK: false,
    nodesHealthy: null,
    nodesUnhealthy: ['10.0.0.5', '10.0.0.6'],
    nodesTotal: 2,
  });
  expect(answer.general).toEqual(['10 pods cannot be judged, because no pod that reports reaches them']);
});
