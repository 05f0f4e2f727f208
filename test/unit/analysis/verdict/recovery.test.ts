import { describe, expect, it } from 'vitest';
import { lostPodsOf } from '../../../../server/analysis/lost-pods.ts';
import { emptyLinks, FLAG_SUSPECT } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { parseVerdict } from '../../../../server/protocol/verdict.ts';
import { runToEnd } from '../../../support/generator.ts';
import { MeshBuilder, meshOf, NOW_MS, podOf, REFUSED, settingsOf, statusOf } from '../../../support/mesh.ts';
import { answerFor } from './scene.ts';

const LOST_MS = NOW_MS - 20_000;
const GONE = { owner: 'rs', lifecycle: 'gone', sinceMs: LOST_MS, replacedBy: 'uid-4' } as const;

/** Pod 3 was lost 20 s ago; pod 4 took its place, was ready 2 s later, and every link to it is ok since 3 s after the loss. */
const killed = (flags = 0) =>
  new MeshBuilder(5)
    .pod(3, GONE)
    .pod(4, { owner: 'rs', createdMs: LOST_MS, sinceMs: LOST_MS + 2_000 })
    .each(() => true, { sinceMs: 17_000, flags }, true)
    .silence(3, 'not-asked');

/** The replacement was ready 4 s after the loss. */
const readyLate = () => killed().pod(4, { sinceMs: LOST_MS + 4_000 });
/** The link from pod 1 to the replacement fails, as pinged so long ago, or is ok since so long. */
const failing = (ageMs = 5_000) => killed().set(1, 4, { ...REFUSED, ageMs });
const okSince = (sinceMs: number) => killed().set(1, 4, { sinceMs });
/** Pod 3 was replaced by pod 2, which was replaced by pod 4. */
const twice = (createdMs: number, sinceMs: number) =>
  killed()
    .pod(3, { replacedBy: 'uid-2' })
    .pod(2, { ...GONE, createdMs, sinceMs })
    .silence(2, 'not-asked');
const NOTICED_LATE = { unseenMs: 45_000 };
/** The process of pod 1 started 6 s ago. */
const RESTARTED = { bootTimeMs: NOW_MS - 6_000 };
/** The same, by a clock that is a minute behind ours. */
const RESTARTED_WITH_SLOW_CLOCK = { bootTimeMs: NOW_MS - 66_000, clockOffsetMs: 60_000 };
/** Pod 2 has no link to the replacement. */
function unlisted(): MeshBuilder {
  const mesh = killed();
  mesh.reports[2]!.links.to.fill(2, 2, 3);
  return mesh;
}
/** Pod 1 is a Goldpinger pod: it does not say since when a link is ok. */
const pingedByGoldpinger = () => killed().outOf(1, { sinceMs: -1 });
function withoutLinks(): MeshBuilder {
  const mesh = killed();
  for (const { pod } of mesh.reports) mesh.report(pod, { links: emptyLinks(0) });
  return mesh;
}
const RARELY = { settings: settingsOf() };
const STALE = { discovery: statusOf({ phase: 'stale' }) };
const TOO_SHORT = 'the window must be longer than the limit, or the clause can never fail';

describe('recovered', () => {
  it('names the lost pod and the time if it took longer', () => {
    const found = 'replaced by pod-4, healthy after 8.0 s';
    expect(answerFor(okSince(12_000), 'recovered<3s')).toMatchObject({
      verdict: 'fail',
      reason: `recovered<3s: violated by 1 of 1 lost pod, for example pod-3: ${found}`,
      violations: [{ clause: 'recovered<3s', from: '', to: 'pod-3', found, samples: 0 }],
    });
  });

  it('is valid however long the names of pods are', () => {
    const long = failing();
    for (const i of long.pods.keys()) long.pod(i, { name: 'x'.repeat(253), namespace: `${'n'.repeat(62)}${i}` });
    const answer = answerFor(long, 'recovered<3s');
    expect(parseVerdict(answer).violations).toMatchObject([{ found: expect.stringMatching(/^replaced by n{62}4/) }]);
  });

  it.each<[title: string, expects: string, verdict: string, mesh: MeshBuilder, more?: Partial<Mesh>]>([
    ['replaced, and every link to the replacement ok', 'recovered<30s', 'pass', killed()],
    ['exactly within the limit', 'recovered<=3s', 'pass', killed()],
    ['ready too late', 'recovered<3s', 'fail', readyLate(), RARELY],
    ['the last ping that is not ok after the limit', 'recovered<9s', 'pass', okSince(12_000), RARELY],
    ['failing, last pinged before the limit', 'recovered<6s', 'unknown', failing(15_000), RARELY],
    ['failing, last pinged after the limit', 'recovered<5s', 'fail', failing(15_000), RARELY],
    ['noticed late', 'recovered<49s', 'pass', killed().pod(3, NOTICED_LATE)],
    ['noticed late, and failing', 'recovered<10s', 'fail', failing().pod(3, NOTICED_LATE)],
    // A busy machine does not lengthen the recovery.
    ['pinged by busy pods', 'recovered<=3s', 'pass', killed(FLAG_SUSPECT)],
    ['another pod has not pinged it', 'recovered<10s,from=pod-1', 'pass', killed().notYet(2, 4)],
    ['not pinged by itself', 'recovered<10s', 'pass', killed().notYet(4, 4)],
    ['left out by PING_NUMBER', 'recovered<10s', 'pass', unlisted(), { settings: settingsOf({ pingNumber: 2 }) }],
    ['late, and another report missing', 'recovered<16s', 'unknown', okSince(5_000).silence(2)],
    // Its first ping says nothing about the time before it started.
    ['pinged by a process that came later', 'recovered<4s', 'pass', okSince(5_000).report(1, RESTARTED)],
    ['clocks a minute apart', 'recovered<4s', 'pass', okSince(5_000).report(1, RESTARTED_WITH_SLOW_CLOCK)],
    ['not ok when a process came later', 'recovered<4s', 'fail', okSince(2_000).report(1, RESTARTED)],
    ['pinged by Goldpinger', 'recovered<16s', 'pass', pingedByGoldpinger()],
    ['an old list, but a failing link', 'recovered<10s', 'fail', failing(), STALE],
    ['a differing list elsewhere', 'recovered<10s,from=pod-0', 'pass', killed().report(2, { samePeers: false })],
    ['a missing report elsewhere', 'recovered<10s,from=pod-0', 'pass', killed().silence(1)],
    ['a pod on a passive node, which measures no link', 'recovered<10s', 'pass', killed().silence(1, 'passive')],
    ['of another pod', 'recovered<30s,to=pod-2', 'unknown', killed()],
    ['of this pod', 'recovered<30s,to=pod-3', 'pass', killed()],
    ['replaced by a pod that was lost, too', 'recovered<=3s', 'pass', twice(LOST_MS, LOST_MS + 1_000)],
    ['replaced by a pod that left first', 'recovered<=3s,to=pod-3', 'pass', twice(LOST_MS - 3_000, LOST_MS - 2_000)],
  ])('%s: %s is %s', (_, expects, verdict, mesh, more = {}) => {
    expect(answerFor(mesh, expects, more)).toMatchObject({ verdict });
  });

  it.each<[reason: string, expects: string, mesh: MeshBuilder, more?: Partial<Mesh>]>([
    [
      'pod-3 was lost 20 s ago: replaced by pod-4, healthy after 8.0 s or up to 6.0 s sooner, because it was not pinged in between',
      'recovered<3s',
      okSince(12_000),
      RARELY,
    ],
    [
      'pod-3 was lost 20 s ago, or up to 45 s earlier, because the Kubernetes API was silent then: replaced by pod-4, healthy after 3.0 s',
      'recovered<30s',
      killed().pod(3, NOTICED_LATE),
    ],
    ['healthy after 15 s or up to 13 s sooner', 'recovered<10s', pingedByGoldpinger()],
    ['replaced by pod-4, which pod-2 has not pinged yet', 'recovered<25s', killed().notYet(2, 4)],
    ['replaced by pod-4, which pod-2 has not pinged yet', 'recovered<25s', unlisted()],
    ['has not pinged yet; a round of pings takes 32 s', 'recovered<10s', unlisted(), RARELY],
    [
      'replaced by pod-4, to which no link is known; pinging is switched off (REFRESH_INTERVAL=0)',
      'recovered<10s',
      withoutLinks(),
      { settings: settingsOf({ refreshIntervalMs: 0 }) },
    ],
    ['pod-1 did not report', 'recovered<10s', killed().silence(1)],
    // A failure that a starved pod reports is not believed.
    ['the report of pod-2 is not trusted', 'recovered<10s', killed().starve(2)],
    ['may be out of date', 'recovered<10s', killed(), STALE],
    ['may be out of date', 'recovered<10s', killed().pod(3, { replacedBy: '' }), STALE],
    ['pod-2 knows a different set of pods than pod-0', 'recovered<10s', killed().report(2, { samePeers: false })],
    ['no pod that has to be replaced was lost', 'recovered<30s', killed().pod(3, { owner: '' })],
    ['no pod that has to be replaced was lost', 'recovered<30s', killed().pod(3, { sinceMs: NOW_MS - 31_000 })],
  ])('is not known: %s', (reason, expects, mesh, more = {}) => {
    expect(answerFor(mesh, expects, more)).toMatchObject({
      verdict: 'unknown',
      violations: [],
      reason: expect.stringContaining(reason),
    });
  });

  it.each<[found: string, mesh: MeshBuilder]>([
    ['not replaced', killed().pod(3, { replacedBy: '' })],
    ['replaced by pod-4, which is not ready', killed().pod(4, { lifecycle: 'starting' })],
    ['replaced by pod-4, and the link from pod-1 is not ok', failing()],
  ])('%s: it fails once the limit has passed, and is not known before', (found, mesh) => {
    const late = answerFor(mesh, 'recovered<10s');
    expect([late.verdict, late.violations[0]?.found]).toEqual(['fail', found]);
    const early = (expects: string) => answerFor(mesh, expects).reason;
    expect(early('recovered<29s')).toBe(`recovered<29s: pod-3 was lost 20 s ago: ${found}`);
    expect(early('recovered<30s')).toBe(`recovered<30s: pod-3 was lost 20 s ago: ${found}; ${TOO_SHORT}`);
  });

  it.each<[found: string, expects: string, mesh: MeshBuilder]>([
    ['replaced by pod-4, not healthy within 2.0 s', 'recovered<2s', killed().notYet(2, 4)],
    ['replaced by pod-4, and the link from pod-1 is not ok', 'recovered<10s', failing().silence(2)],
    ['replaced by pod-4, not healthy within 13 s', 'recovered<10s', okSince(5_000).silence(2)],
  ])('fails for certain whatever another pod does not report: %s', (found, expects, mesh) => {
    expect(answerFor(mesh, expects).violations[0]?.found).toBe(found);
  });

  it('ends its search whatever pods claim to replace each other', () => {
    const pods = [podOf(0, { ...GONE, replacedBy: 'uid-1' }), podOf(1, { ...GONE, replacedBy: 'uid-0' })];
    const { result } = runToEnd(lostPodsOf(meshOf(pods, []), { fromMs: 0, toMs: NOW_MS }));
    expect(result.map((one) => one.replacement)).toEqual([1, 0]);
  });
});
