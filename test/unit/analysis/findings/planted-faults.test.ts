import { expect, it } from 'vitest';
import { clusterHealthAnswer } from '../../../../server/goldpinger/cluster-health-answer.ts';
import {
  FLAG_INTERMITTENT,
  FLAG_NOT_YET,
  FLAG_RECOVERED,
  FLAG_SLOW,
  FLAG_SUSPECT,
} from '../../../../server/protocol/links.ts';
import {
  LATE_ANSWER,
  type LinkFault,
  MeshBuilder,
  type MeshChange,
  meshOf,
  NO_RESPONSE,
  NOW_MS,
  REFUSED,
  TIMEOUT,
} from '../../../support/mesh.ts';
import { expectTrueCounts } from '../../../support/true-counts.ts';

/** A link that lost 5 of its last 16 pings: its newest ping was ok, or failed. */
const AT_TIMES: LinkFault = { flags: FLAG_INTERMITTENT, failures: 5 };
const AT_TIMES_NOW: LinkFault = { ...AT_TIMES, ...TIMEOUT, fresh: true };
/** A link that failed until 0.3 s ago. */
const ENDED = { ageMs: 300, sinceMs: 300, flags: FLAG_RECOVERED };
const TIMED_OUT_ONCE: LinkFault = { ...TIMEOUT, fresh: true };
/** A link that failed once, or since a second, and was pinged half a second ago. */
const JUST_NOW = { ...TIMEOUT, ageMs: 500, sinceMs: 500 };
const FOR_A_SECOND = { ...TIMEOUT, ageMs: 500, sinceMs: 1_500 };

/** Twelve pods on six nodes in three zones. */
const twelvePods = () => new MeshBuilder(12, { perNode: 2, zones: 3 });
const isOnNode2 = (i: number) => i === 4 || i === 5;
const isInZone0 = (i: number) => Math.floor(i / 2) % 3 === 0;
/** The links into node 2 from other nodes. */
const intoNode2 = (from: number, to: number) => isOnNode2(to) && !isOnNode2(from);

/** Cuts the links between some pods and all others, and the reports of the others as those pods ask for them. */
const cutOff =
  (isInside: (pod: number) => boolean, fault: LinkFault = TIMEOUT): MeshChange =>
  (mesh) => {
    for (let i = 0; i < mesh.size; i++) if (!isInside(i)) mesh.silence(i);
    return mesh.each((from, to) => isInside(from) && !isInside(to), fault);
  };
const nodeCutOff = cutOff(isOnNode2);

const OVERDUE = { lifecycle: 'terminating', sinceMs: NOW_MS - 600_000 } as const;
const ONE_WAY = 'one-way pod-3 → pod-8';
const LINK_AT_TIMES = 'link-intermittent pod-3 → pod-8';
const NODE = ['node node node-2'];
const OTHER_NODES = [0, 1, 3, 4, 5].map((node) => `node node node-${node}`);

/**
 * Each fault, kind and subject of all findings, and the pods that health accuses; which pod is asked (0 by default), and what
 * title and detail of the first finding say.
 */
type Planted = [plant: MeshChange, found: string[], unhealthy: number[], more?: { servedBy?: number; text?: RegExp }];

const FAULTS: Record<string, Planted> = {
  'a dead pod': [(mesh) => mesh.into(5, TIMEOUT).silence(5), ['pod-unreachable pod-5'], [5]],
  'a dead node': [(mesh) => mesh.into(4, TIMEOUT).into(5, TIMEOUT).silence(4).silence(5), NODE, [4, 5]],
  'a node that is cut off, asked on that node': [
    nodeCutOff,
    NODE,
    [4, 5],
    {
      servedBy: 4,
      text: /^node node-2: reaches no pod on other nodes, timeout in connect: check the node and its net/,
    },
  ],
  // Asked before its links are pinged again.
  'a node that is cut off, whose links are ok': [cutOff(isOnNode2, {}), NODE, [4, 5], { servedBy: 4 }],
  'a node that is cut off: a past refusal, too old for the moment that is shown, is no answer': [
    (mesh) => nodeCutOff(mesh.set(4, 0, { ...REFUSED, flags: FLAG_NOT_YET })),
    NODE,
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
    cutOff(isInZone0),
    ['cut-off 4 of 12 pods'],
    [0, 1, 6, 7],
    { text: /^4 of 12 pods: reach none of the 8 others, .*: this side cannot tell which of the two is cut off\./ },
  ],
  'a zone that is cut off, asked in the other zones': [
    cutOff((i) => !isInZone0(i)),
    ['zone-block zone zone-0'],
    [0, 1, 6, 7],
    { servedBy: 2 },
  ],
  'a slow pod, one ping into which times out': [
    (mesh) => mesh.into(5, LATE_ANSWER).set(1, 5, TIMEOUT),
    ['pod-slow pod-5'],
    [5],
  ],
  'most pods refuse: something answers, so they are not cut off': [
    cutOff(isOnNode2, REFUSED),
    OTHER_NODES,
    [0, 1, 2, 3, 6, 7, 8, 9, 10, 11],
    { servedBy: 4 },
  ],
  'one failed link whose newest sample is suspect': [
    (mesh) => mesh.set(3, 8, { ...TIMEOUT, flags: FLAG_SUSPECT }),
    [ONE_WAY],
    [8],
  ],
  'one failed link, the other direction not pinged since': [
    (mesh) => mesh.set(3, 8, JUST_NOW),
    ['link pod-3 → pod-8'],
    [8],
  ],
  'one direction of a link, the other one ok, as measured by a starved pod': [
    (mesh) => mesh.set(3, 8, FOR_A_SECOND).set(8, 3, { ageMs: 300, flags: FLAG_SUSPECT }),
    [ONE_WAY],
    [8],
  ],
  'a fault of a pair that has ended, while one direction was not pinged since': [
    (mesh) => mesh.set(3, 8, TIMEOUT).set(8, 3, ENDED),
    ['link pod-3 ⇄ pod-8'],
    [8],
  ],
  'a fault of a pod that has ended, while two links into it were not pinged since': [
    (mesh) => mesh.into(5, ENDED).set(10, 5, TIMEOUT).set(11, 5, TIMEOUT),
    ['pod-unreachable pod-5'],
    [5],
  ],
  'a fault of a pod that has ended': [(mesh) => mesh.into(5, ENDED), [], []],
  'a link that fails at times, its newest ping ok': [
    (mesh) => mesh.set(3, 8, AT_TIMES),
    [LINK_AT_TIMES],
    [],
    { text: /^pod-3 → pod-8: about 30 % of pings fail, intermittent: check for lost packets\./ },
  ],
  'a link that fails at times, its newest ping failed': [(mesh) => mesh.set(3, 8, AT_TIMES_NOW), [LINK_AT_TIMES], [8]],
  'a pod into which pings fail at times': [
    (mesh) => mesh.into(5, AT_TIMES).set(1, 5, AT_TIMES_NOW).set(2, 5, ENDED).set(3, 5, TIMED_OUT_ONCE),
    ['pod-intermittent pod-5'],
    [5],
    { text: /^pod-5: about 30 % of pings into it fail, from \d+ of .*: intermittent\. .* Check for lost packets\.$/ },
  ],
  'a pod that reaches others at times, and is reached at times, whose newest pings fail': [
    (mesh) => mesh.into(5, AT_TIMES).outOf(5, AT_TIMES_NOW),
    ['pod-intermittent pod-5'],
    [5],
  ],
  'a node into which pings fail at times, and between whose own pods one fails now': [
    (mesh) => mesh.each(intoNode2, AT_TIMES).set(4, 5, AT_TIMES_NOW),
    NODE,
    [5],
  ],
  'a node into which pings fail at times, and between whose own pods a link has failed': [
    (mesh) => mesh.each(intoNode2, AT_TIMES).set(4, 5, TIMED_OUT_ONCE),
    NODE,
    [5],
  ],
  'a bad node: health blames its pods, not those that they do not reach': [
    (mesh) => mesh.each((from, to) => isOnNode2(from) !== isOnNode2(to) && (isOnNode2(to) || to < 8), TIMEOUT),
    NODE,
    [4, 5],
  ],
  'a pod that was ready and reports, and that others do not reach': [
    (mesh) => mesh.pod(5, { lifecycle: 'not-ready' }).into(5, REFUSED),
    ['pod-unreachable pod-5'],
    [5],
  ],
  'a pod that reaches itself at times, and not now': [
    (mesh) => mesh.set(5, 5, AT_TIMES_NOW),
    ['link pod-5 → pod-5'],
    [5],
  ],
  'one slow sample, the others of its window not': [(mesh) => mesh.set(3, 8, { ...LATE_ANSWER, fresh: true }), [], []],
  'a slow link, after three slow samples': [
    (mesh) => mesh.set(3, 8, { ...LATE_ANSWER, fresh: true, flags: FLAG_SLOW }),
    ['link-slow pod-3 → pod-8'],
    [],
  ],
  'a starved pod: what it measures and what others measure into it': [
    (mesh) => mesh.starve(5).set(1, 5, TIMEOUT).into(5, LATE_ANSWER),
    ['cpu-starved pod-5'],
    [],
  ],
  'a pod whose event loop is late, and one whose link to itself times out for it': [
    (mesh) => mesh.delayLoop(4).delayLoop(5).set(5, 5, TIMEOUT),
    ['cpu-starved pod-5'],
    [],
    { text: /^pod-5: CPU-starved, its measurements are unreliable/ },
  ],
  'pings that timed out 17 s ago, when a pod hung for 4 s': [
    (mesh) => {
      mesh.wasLate(5, [[21_000, 17_000]]);
      for (const [i, ageMs] of [17_200, 20_500].entries()) mesh.set(i, 5, { ...NO_RESPONSE, ageMs, fresh: true });
    },
    ['cpu-starved pod-5'],
    [],
    { text: /^pod-5: was CPU-starved a moment ago/ },
  ],
  'a ping that timed out 25 s ago, and the loop of its destination is late now': [
    (mesh) => mesh.wasLate(8, [[1_000, 0]], true).set(3, 8, { ...NO_RESPONSE, ageMs: 25_000, sinceMs: 90_000 }),
    [ONE_WAY],
    [8],
  ],
  'links that failed while a pod was starved, which has ended a moment ago': [
    (mesh) => mesh.recover(5, 3_000).into(5, AT_TIMES).outOf(5, AT_TIMES),
    [],
    [],
  ],
  'a link that fails now and failed before, into a pod that was starved until a moment ago': [
    (mesh) => mesh.recover(8, 3_000).set(3, 8, AT_TIMES_NOW),
    [LINK_AT_TIMES],
    [8],
  ],
  'a link that fails at times, into a pod that was starved long ago': [
    (mesh) => mesh.recover(8, 3_600_000).set(3, 8, AT_TIMES),
    [LINK_AT_TIMES],
    [],
  ],
  'a starved pod whose connections time out, which the kernel would open for it': [
    (mesh) => mesh.starve(5).into(5, TIMEOUT),
    ['pod-unreachable pod-5', 'cpu-starved pod-5'],
    [5],
  ],
  'a starved pod that refuses all the same': [
    (mesh) => mesh.starve(5).into(5, REFUSED),
    ['pod-unreachable pod-5', 'cpu-starved pod-5'],
    [5],
  ],
  'a pod with an old list of pods': [(mesh) => mesh.report(5, { samePeers: false }), ['list-differs pod-5'], [5]],
  'an old list of pods on the serving pod': [
    (mesh) => mesh.reports.forEach(({ pod }) => void mesh.report(pod, { samePeers: pod === 4 })),
    ['list-differs pod-4'],
    [4],
    { servedBy: 4 },
  ],
  'a pod whose deletion is overdue, which health does not count': [
    (mesh) => mesh.pod(5, OVERDUE).into(5, TIMEOUT).silence(5),
    ['pod-overdue pod-5'],
    [],
  ],
  'two clones that refuse': [
    (mesh) => mesh.pod(9, { owner: 'rs' }).pod(10, { owner: 'rs' }).into(9, REFUSED).into(10, REFUSED),
    ['pod-unreachable pod-10, pod-9'],
    [9, 10],
  ],
};

it.each(Object.entries(FAULTS))('%s: findings and health say so, and accuse nobody else', (_, planted) => {
  const [plant, found, unhealthy, { servedBy = 0, text = /./ } = {}] = planted;
  const builder = twelvePods();
  plant(builder);
  const findings = builder.findings(servedBy);
  expect(findings.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(found);
  const [first] = findings;
  if (first !== undefined) expect(`${first.title}. ${first.detail}`).toMatch(text);
  const { health } = meshOf(builder.pods, builder.reports, { servedBy: { pod: servedBy, name: '' } });
  expect(health.reasons.map(({ pod }) => pod)).toEqual(unhealthy);
  expect(health.ok).toBe(!findings.some(({ severity, kind }) => severity === 'failed' || kind === 'list-differs'));
  expectTrueCounts(builder, findings);
  // The order in which reports come does not matter.
  builder.reports.reverse();
  expect(builder.findings(servedBy)).toEqual(findings);
});

it('nodes that nobody on this side of a cut can judge are called neither healthy nor unhealthy', () => {
  const builder = twelvePods();
  nodeCutOff(builder);
  const answer = clusterHealthAnswer(meshOf(builder.pods, builder.reports, { servedBy: { pod: 4, name: '' } }));
  const nodes = { nodesHealthy: null, nodesUnhealthy: ['10.0.0.5', '10.0.0.6'], nodesTotal: 2 };
  expect(answer).toMatchObject({ OK: false, ...nodes });
  expect(answer.general).toEqual(['10 pods cannot be judged, because no pod that reports reaches them']);
});
