import { describe, expect, it } from 'vitest';
import { clusterHealthAnswer } from '../../../../server/goldpinger/cluster-health-answer.ts';
import {
  FLAG_INTERMITTENT,
  FLAG_NOT_YET,
  FLAG_RECOVERED,
  FLAG_SLOW,
  FLAG_SUSPECT,
} from '../../../../server/protocol/links.ts';
import { LATE_ANSWER, type LinkFault, MeshBuilder, meshOf, NOW_MS, podOf } from '../../../support/mesh.ts';
import { expectTrueCounts } from '../../../support/true-counts.ts';

const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
const NO_RESPONSE: LinkFault = { outcome: 'timeout', phase: 'first-byte' };
const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };
/** A link that lost 5 of its last 16 pings: its newest ping was ok, or failed. */
const LOSSY: LinkFault = { flags: FLAG_INTERMITTENT, failures: 5 };
const LOSSY_NOW: LinkFault = { ...LOSSY, ...TIMEOUT, fresh: true };

/** Twelve pods on six nodes in three zones. */
const mesh = () => new MeshBuilder(12, { perNode: 2, zones: 3 });
const isOn = (node: number) => (pod: number) => Math.floor(pod / 2) === node;

interface Planted {
  plant(builder: MeshBuilder): void;
  /** The pod that is asked; 0 by default. */
  servedBy?: number;
  /** Kind and subject of all findings. */
  found: string[];
  /** The pods that health accuses. */
  unhealthy: number[];
  /** What title and detail of the first finding say. */
  text?: RegExp;
}

/** One link is bad. */
function link(fault: LinkFault, found: string, unhealthy: number[]): Planted {
  return { plant: (builder) => builder.set(3, 8, fault), found: [found], unhealthy };
}

/** Cuts the links between `pods` and all others, and the reports of the others as `pods` ask for them. */
function cutOff(builder: MeshBuilder, isInside: (pod: number) => boolean, fault: LinkFault | null = TIMEOUT): void {
  for (let pod = 0; pod < builder.size; pod++) if (!isInside(pod)) builder.silence(pod);
  if (fault !== null) builder.each((from, to) => isInside(from) && !isInside(to), fault);
}

const FAULTS: Record<string, Planted> = {
  'a dead pod': {
    plant: (builder) => {
      builder.each((_, to) => to === 5, TIMEOUT);
      builder.silence(5);
    },
    found: ['pod-unreachable pod-5'],
    unhealthy: [5],
  },
  'a dead node': {
    plant: (builder) => {
      builder.each((_, to) => isOn(2)(to), TIMEOUT);
      for (const pod of [4, 5]) builder.silence(pod);
    },
    found: ['node node node-2'],
    unhealthy: [4, 5],
  },
  'a node that is cut off, asked on that node': {
    plant: (builder) => cutOff(builder, isOn(2)),
    servedBy: 4,
    found: ['node node node-2'],
    unhealthy: [4, 5],
    text: /^node node-2: its 2 pods reach no pod on other nodes, timeout in connect: check the node and its network\./,
  },
  'a node that is cut off, asked on that node before its links are pinged again': {
    plant: (builder) => cutOff(builder, isOn(2), null),
    servedBy: 4,
    found: ['node node node-2'],
    unhealthy: [4, 5],
  },
  'a node that is cut off, asked on that node: a past refusal, too old for the moment that is shown, is no answer': {
    plant: (builder) => {
      cutOff(builder, isOn(2));
      builder.set(4, 0, { ...REFUSED, flags: FLAG_NOT_YET });
    },
    servedBy: 4,
    found: ['node node node-2'],
    unhealthy: [4, 5],
  },
  'a pod that is cut off, asked on that pod': {
    plant: (builder) => cutOff(builder, (pod) => pod === 7),
    servedBy: 7,
    found: ['pod-reaches-nobody pod-7'],
    unhealthy: [7],
    text: /^pod-7: reaches none of the 11 others, timeout in connect: check its own network\. 11 of 11 links out of it fail \(100 %\)\. No report says whether other pods reach it\.$/,
  },
  'a zone that is cut off, asked in that zone': {
    plant: (builder) => cutOff(builder, (pod) => Math.floor(pod / 2) % 3 === 0),
    found: ['cut-off 4 of 12 pods'],
    unhealthy: [0, 1, 6, 7],
    text: /^4 of 12 pods: reach none of the 8 others, .*: this side cannot tell which of the two is cut off\./,
  },
  'a zone that is cut off, asked in the other zones': {
    plant: (builder) => cutOff(builder, (pod) => Math.floor(pod / 2) % 3 !== 0),
    servedBy: 2,
    found: ['zone-block zone zone-0'],
    unhealthy: [0, 1, 6, 7],
  },
  'a slow pod, one ping into which times out': {
    plant: (builder) => {
      builder.each((_, to) => to === 5, LATE_ANSWER);
      builder.set(1, 5, TIMEOUT);
    },
    found: ['pod-slow pod-5'],
    unhealthy: [5],
  },
  'most pods refuse: something answers, so they are not cut off': {
    plant: (builder) => cutOff(builder, isOn(2), REFUSED),
    servedBy: 4,
    found: ['node node node-0', 'node node node-1', 'node node node-3', 'node node node-4', 'node node node-5'],
    unhealthy: [0, 1, 2, 3, 6, 7, 8, 9, 10, 11],
  },
  'one failed link, seen once': link({ ...TIMEOUT, fresh: true }, 'one-way pod-3 → pod-8', [8]),
  'one failed link whose newest sample is suspect': link(
    { ...TIMEOUT, flags: FLAG_SUSPECT },
    'one-way pod-3 → pod-8',
    [8],
  ),
  'one failed link, while the other direction has not been pinged since': link(
    { ...TIMEOUT, ageMs: 500, sinceMs: 500 },
    'link pod-3 → pod-8',
    [8],
  ),
  'one direction of a link, the other one ok, as measured by a starved pod': {
    plant: (builder) => {
      builder.set(3, 8, { ...TIMEOUT, ageMs: 500, sinceMs: 1_500 });
      builder.set(8, 3, { ageMs: 300, flags: FLAG_SUSPECT });
    },
    found: ['one-way pod-3 → pod-8'],
    unhealthy: [8],
  },
  'a fault of a pair that has ended, while one direction was not pinged since': {
    plant: (builder) => {
      builder.set(3, 8, { ...TIMEOUT, ageMs: 5_000, sinceMs: 60_000 });
      builder.set(8, 3, { ageMs: 300, sinceMs: 300, flags: FLAG_RECOVERED });
    },
    found: ['link pod-3 ⇄ pod-8'],
    unhealthy: [8],
  },
  'a fault of a pod that has ended, while two links into it were not pinged since': {
    plant: (builder) => {
      builder.each((from, to) => to === 5 && from < 10, { ageMs: 300, sinceMs: 300, flags: FLAG_RECOVERED });
      builder.each((from, to) => to === 5 && from >= 10, TIMEOUT);
    },
    found: ['pod-unreachable pod-5'],
    unhealthy: [5],
  },
  'a fault of a pod that has ended': {
    plant: (builder) => builder.each((_, to) => to === 5, { ageMs: 300, sinceMs: 300, flags: FLAG_RECOVERED }),
    found: [],
    unhealthy: [],
  },
  'a link that loses packets, its newest ping ok': {
    ...link(LOSSY, 'link-intermittent pod-3 → pod-8', []),
    text: /^pod-3 → pod-8: about 30 % of pings fail, intermittent: check for lost packets\./,
  },
  'a link that loses packets, its newest ping failed': link(LOSSY_NOW, 'link-intermittent pod-3 → pod-8', [8]),
  'a pod into which pings fail at times': {
    plant: (builder) => {
      builder.each((_, to) => to === 5, LOSSY);
      builder.set(1, 5, LOSSY_NOW);
      builder.set(2, 5, { flags: FLAG_RECOVERED });
      builder.set(3, 5, { ...TIMEOUT, fresh: true });
    },
    found: ['pod-intermittent pod-5'],
    unhealthy: [5],
    text: /^pod-5: about 30 % of pings into it fail, from \d+ of .*: intermittent\./,
  },
  'one slow sample, while the others of its window are not slow': {
    plant: (builder) => builder.set(3, 8, { ...LATE_ANSWER, fresh: true }),
    found: [],
    unhealthy: [],
  },
  'a slow link, after three slow samples': link(
    { ...LATE_ANSWER, fresh: true, flags: FLAG_SLOW },
    'link-slow pod-3 → pod-8',
    [],
  ),
  'a starved pod: what it measures and what others measure into it': {
    plant: (builder) => {
      builder.starve(5);
      builder.set(1, 5, TIMEOUT);
      builder.each((_, to) => to === 5, LATE_ANSWER);
    },
    found: ['cpu-starved pod-5'],
    unhealthy: [],
  },
  'pings that timed out 17 s ago, when a pod hung for 4 s': {
    plant: (builder) => {
      builder.wasLate(5, [[21_000, 17_000]]);
      builder.set(1, 5, { ...NO_RESPONSE, ageMs: 17_200, fresh: true });
      builder.set(2, 5, { ...NO_RESPONSE, ageMs: 20_500, fresh: true });
    },
    found: ['cpu-starved pod-5'],
    unhealthy: [],
    text: /^pod-5: was CPU-starved a moment ago/,
  },
  'pings that timed out 17 s ago, when the pod that sent them hung': {
    plant: (builder) => {
      builder.wasLate(1, [[19_000, 17_000]]);
      for (const to of [1, 4, 8]) builder.set(1, to, { ...TIMEOUT, ageMs: 17_200 });
    },
    found: ['cpu-starved pod-1'],
    unhealthy: [],
  },
  'a ping that timed out 25 s ago, and the loop of its destination is late now': {
    plant: (builder) => {
      builder.wasLate(8, [[1_000, 0]], true);
      builder.set(3, 8, { ...NO_RESPONSE, ageMs: 25_000, sinceMs: 90_000 });
    },
    found: ['one-way pod-3 → pod-8'],
    unhealthy: [8],
  },
  'a ping that timed out between two moments at which its destination was late': {
    plant: (builder) => {
      builder.wasLate(8, [
        [29_000, 28_000],
        [6_000, 5_000],
      ]);
      builder.set(3, 8, { ...NO_RESPONSE, ageMs: 15_000 });
    },
    found: ['one-way pod-3 → pod-8'],
    unhealthy: [8],
  },
  'links that failed while a pod was starved, which has ended a moment ago': {
    plant: (builder) => {
      builder.recover(5, 3_000);
      builder.each((from, to) => (from === 5) !== (to === 5), LOSSY);
    },
    found: [],
    unhealthy: [],
  },
  'a link that fails now and failed before, into a pod that was starved until a moment ago': {
    plant: (builder) => {
      builder.recover(8, 3_000);
      builder.set(3, 8, LOSSY_NOW);
    },
    found: ['link-intermittent pod-3 → pod-8'],
    unhealthy: [8],
  },
  'a link that loses packets, into a pod that was starved long ago': {
    plant: (builder) => {
      builder.recover(8, 3_600_000);
      builder.set(3, 8, LOSSY);
    },
    found: ['link-intermittent pod-3 → pod-8'],
    unhealthy: [],
  },
  'a starved pod whose connections time out, which the kernel would open for it': {
    plant: (builder) => {
      builder.starve(5);
      builder.each((from, to) => to === 5 && from !== 5, { ...TIMEOUT, phase: 'connect' });
    },
    found: ['pod-unreachable pod-5', 'cpu-starved pod-5'],
    unhealthy: [5],
  },
  'a starved pod that refuses all the same': {
    plant: (builder) => {
      builder.starve(5);
      builder.each((_, to) => to === 5, REFUSED);
    },
    found: ['pod-unreachable pod-5', 'cpu-starved pod-5'],
    unhealthy: [5],
  },
  'a pod with an old list of pods': {
    plant: (builder) => {
      builder.reports[5]!.samePeers = false;
    },
    found: ['list-differs pod-5'],
    unhealthy: [5],
  },
  'an old list of pods on the serving pod': {
    plant: (builder) => {
      for (const report of builder.reports) report.samePeers = report.pod === 4;
    },
    servedBy: 4,
    found: ['list-differs pod-4'],
    unhealthy: [4],
  },
  'a pod whose deletion is overdue, which health does not count': {
    plant: (builder) => {
      builder.pods[5] = podOf(5, { lifecycle: 'terminating', sinceMs: NOW_MS - 600_000 });
      builder.each((_, to) => to === 5, TIMEOUT);
      builder.silence(5);
    },
    found: ['pod-overdue pod-5'],
    unhealthy: [],
  },
  'two clones that refuse': {
    plant: (builder) => {
      for (const pod of [9, 10]) {
        builder.pods[pod] = { ...builder.pods[pod]!, owner: 'replica-set' };
        builder.each((_, to) => to === pod, REFUSED);
      }
    },
    found: ['pod-unreachable pod-10, pod-9'],
    unhealthy: [9, 10],
  },
};

describe.each(Object.entries(FAULTS))('%s', (_, { plant, servedBy = 0, found, unhealthy, text = /./ }) => {
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

  it('is described with the counts that the mesh shows', () => {
    expectTrueCounts(builder, findings);
  });

  it('is found the same in whatever order the reports come', () => {
    const shuffled = mesh();
    plant(shuffled);
    shuffled.reports.reverse();
    expect(shuffled.findings(servedBy)).toEqual(findings);
  });
});

it('nodes that nobody on this side of a cut can judge are called neither healthy nor unhealthy', () => {
  const builder = mesh();
  cutOff(builder, isOn(2));
  const answer = clusterHealthAnswer(meshOf(builder.pods, builder.reports, { servedBy: { pod: 4, name: '' } }));
  expect(answer).toMatchObject({
    OK: false,
    nodesHealthy: null,
    nodesUnhealthy: ['10.0.0.5', '10.0.0.6'],
    nodesTotal: 2,
  });
  expect(answer.general).toEqual(['10 pods cannot be judged, because no pod that reports reaches them']);
});
