import { describe, expect, it } from 'vitest';
import { lostPodsOf } from '../../../../server/analysis/lost-pods.ts';
import { emptyLinks, FLAG_SUSPECT, NONE16, pack16 } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { parseVerdict } from '../../../../server/protocol/verdict.ts';
import { runToEnd } from '../../../support/generator.ts';
import { MeshBuilder, meshOf, NOW_MS, podOf, settingsOf, statusOf } from '../../../support/mesh.ts';
import { both, type Change, pod, report, set, silence } from '../changes.ts';
import { answerFor, failed, fine, REFUSED } from './scene.ts';

const LOST_MS = NOW_MS - 20_000;
const GONE = { owner: 'rs', lifecycle: 'gone', sinceMs: LOST_MS, replacedBy: 'uid-4' } as const;

/** Pod 3 was lost 20 s ago; pod 4 took its place, was ready 2 s later, and every link to it is ok since 3 s after the loss. */
function killed(change: Change): MeshBuilder {
  const builder = new MeshBuilder(5);
  for (const { links } of builder.reports) links.sinceMs.fill(pack16(17_000));
  builder.pods[3] = podOf(3, GONE);
  builder.pods[4] = podOf(4, { owner: 'rs', createdMs: LOST_MS, sinceMs: LOST_MS + 2_000 });
  builder.silence(3, 'not-asked');
  change(builder);
  return builder;
}

const failing = failed(1, 4);
/** It failed when it was pinged so long ago. */
const pinged = (ageMs: number) => set(1, 4, { ...REFUSED, ageMs });
const okSince = (sinceMs: number) => set(1, 4, { sinceMs });
/** Pod 3 was replaced by pod 2, which was replaced by pod 4. */
const twice = (createdMs: number, sinceMs: number) =>
  both(
    pod(3, { replacedBy: 'uid-2' }),
    ({ pods }) => pods.splice(2, 1, podOf(2, { ...GONE, createdMs, sinceMs })),
    silence(2, 'not-asked'),
  );

/** The process of pod 1 started 6 s ago. */
const restarted = report(1, { bootTimeMs: NOW_MS - 6_000 });
/** The same, by a clock that is a minute behind ours. */
const restartedWithSlowClock = report(1, { bootTimeMs: NOW_MS - 66_000, clockOffsetMs: 60_000 });
const unlisted: Change = ({ reports }) => reports[2]!.links.to.fill(2, 2, 3);
const RARELY = { settings: settingsOf() };
const STALE = { discovery: statusOf({ phase: 'stale' }) };
const TOO_SHORT = 'the window must be longer than the limit, or the clause can never fail';

describe('recovered', () => {
  it('names the lost pod and the time if it took longer', () => {
    const found = 'replaced by pod-4, healthy after 8.0 s';
    expect(answerFor(killed(okSince(12_000)), 'recovered<3s')).toMatchObject({
      verdict: 'fail',
      reason: `recovered<3s: violated by 1 of 1 lost pod, for example pod-3: ${found}`,
      violations: [{ clause: 'recovered<3s', from: '', to: 'pod-3', found, samples: 0 }],
    });
  });

  it('is valid however long the names of pods are', () => {
    const long = killed(failing);
    for (const [i, one] of long.pods.entries()) {
      long.pods[i] = { ...one, name: 'x'.repeat(253), namespace: `${'n'.repeat(62)}${i}` };
    }
    const answer = answerFor(long, 'recovered<3s');
    expect(parseVerdict(answer).violations).toMatchObject([{ found: expect.stringMatching(/^replaced by n{62}4/) }]);
  });

  it.each<[title: string, expects: string, verdict: string, change: Change, mesh?: Partial<Mesh>]>([
    ['replaced, and every link to the replacement ok', 'recovered<30s', 'pass', fine],
    ['exactly within the limit', 'recovered<=3s', 'pass', fine],
    ['ready too late', 'recovered<3s', 'fail', pod(4, { sinceMs: LOST_MS + 4_000 }), RARELY],
    ['the last ping that is not ok after the limit', 'recovered<9s', 'pass', okSince(12_000), RARELY],
    ['failing, last pinged before the limit', 'recovered<6s', 'unknown', pinged(15_000), RARELY],
    ['failing, last pinged after the limit', 'recovered<5s', 'fail', pinged(15_000), RARELY],
    ['noticed late', 'recovered<49s', 'pass', pod(3, { unseenMs: 45_000 })],
    ['noticed late, and failing', 'recovered<10s', 'fail', both(failing, pod(3, { unseenMs: 45_000 }))],
    // A busy machine does not lengthen the recovery.
    [
      'pinged by busy pods',
      'recovered<=3s',
      'pass',
      ({ reports }) => reports.map((one) => one.links.flags.fill(FLAG_SUSPECT)),
    ],
    ['another pod has not pinged it', 'recovered<10s,from=pod-1', 'pass', (one) => one.notYet(2, 4)],
    ['not pinged by itself', 'recovered<10s', 'pass', (one) => one.notYet(4, 4)],
    ['left out by PING_NUMBER', 'recovered<10s', 'pass', unlisted, { settings: settingsOf({ pingNumber: 2 }) }],
    ['late, and another report missing', 'recovered<16s', 'unknown', both(okSince(5_000), silence(2))],
    // Its first ping says nothing about the time before it started.
    ['pinged by a process that came later', 'recovered<4s', 'pass', both(okSince(5_000), restarted)],
    ['the same with clocks a minute apart', 'recovered<4s', 'pass', both(okSince(5_000), restartedWithSlowClock)],
    ['not ok when a process came later', 'recovered<4s', 'fail', both(okSince(2_000), restarted)],
    ['pinged by Goldpinger', 'recovered<16s', 'pass', ({ reports }) => reports[1]!.links.sinceMs.fill(NONE16)],
    ['an old list, but a failing link', 'recovered<10s', 'fail', failing, STALE],
    ['a differing list that does not matter', 'recovered<10s,from=pod-0', 'pass', report(2, { samePeers: false })],
    ['a missing report that does not matter', 'recovered<10s,from=pod-0', 'pass', silence(1)],
    ['a pod on a passive node, which measures no link', 'recovered<10s', 'pass', silence(1, 'passive')],
    ['of another pod', 'recovered<30s,to=pod-2', 'unknown', fine],
    ['of this pod', 'recovered<30s,to=pod-3', 'pass', fine],
    ['replaced by a pod that was lost, too', 'recovered<=3s', 'pass', twice(LOST_MS, LOST_MS + 1_000)],
    ['replaced by a pod that left first', 'recovered<=3s,to=pod-3', 'pass', twice(LOST_MS - 3_000, LOST_MS - 2_000)],
  ])('%s: %s is %s', (_, expects, verdict, change, mesh = {}) => {
    expect(answerFor(killed(change), expects, mesh)).toMatchObject({ verdict });
  });

  it.each<[reason: string, expects: string, change: Change, mesh?: Partial<Mesh>]>([
    [
      'pod-3 was lost 20 s ago: replaced by pod-4, healthy after 8.0 s or up to 6.0 s sooner, because it was not pinged in between',
      'recovered<3s',
      okSince(12_000),
      RARELY,
    ],
    [
      'pod-3 was lost 20 s ago, or up to 45 s earlier, because the Kubernetes API was silent then: replaced by pod-4, healthy after 3.0 s',
      'recovered<30s',
      pod(3, { unseenMs: 45_000 }),
    ],
    // A Goldpinger pod does not say since when a link is ok.
    [
      'healthy after 15 s or up to 13 s sooner',
      'recovered<10s',
      ({ reports }) => reports[1]!.links.sinceMs.fill(NONE16),
    ],
    ['replaced by pod-4, which pod-2 has not pinged yet', 'recovered<25s', (one) => one.notYet(2, 4)],
    ['replaced by pod-4, which pod-2 has not pinged yet', 'recovered<25s', unlisted],
    ['has not pinged yet; a round of pings takes 32 s', 'recovered<10s', unlisted, RARELY],
    [
      'replaced by pod-4, to which no link is known; pinging is switched off (REFRESH_INTERVAL=0)',
      'recovered<10s',
      ({ reports }) => reports.splice(0, 5, ...reports.map((one) => ({ ...one, links: emptyLinks(0) }))),
      { settings: settingsOf({ refreshIntervalMs: 0 }) },
    ],
    ['pod-1 did not report', 'recovered<10s', silence(1)],
    // A failure that a starved pod reports is not believed.
    ['the report of pod-2 is not trusted', 'recovered<10s', (one) => one.starve(2)],
    ['may be out of date', 'recovered<10s', fine, STALE],
    ['may be out of date', 'recovered<10s', pod(3, { replacedBy: '' }), STALE],
    ['pod-2 knows a different set of pods than pod-0', 'recovered<10s', report(2, { samePeers: false })],
    ['recovered<30s: no pod was lost in the window', 'recovered<30s', pod(3, { owner: '' })],
    ['recovered<30s: no pod was lost in the window', 'recovered<30s', pod(3, { sinceMs: NOW_MS - 31_000 })],
  ])('is not known: %s', (reason, expects, change, mesh = {}) => {
    expect(answerFor(killed(change), expects, mesh)).toMatchObject({
      verdict: 'unknown',
      violations: [],
      reason: expect.stringContaining(reason),
    });
  });

  it.each<[found: string, change: Change]>([
    ['not replaced', pod(3, { replacedBy: '' })],
    ['replaced by pod-4, which is not ready', pod(4, { lifecycle: 'starting' })],
    ['replaced by pod-4, and the link from pod-1 is not ok', failing],
  ])('%s: it fails once the limit has passed, and is not known before', (found, change) => {
    const late = answerFor(killed(change), 'recovered<10s');
    expect([late.verdict, late.violations[0]?.found]).toEqual(['fail', found]);
    const early = (expects: string) => answerFor(killed(change), expects).reason;
    expect(early('recovered<29s')).toBe(`recovered<29s: pod-3 was lost 20 s ago: ${found}`);
    expect(early('recovered<30s')).toBe(`recovered<30s: pod-3 was lost 20 s ago: ${found}; ${TOO_SHORT}`);
  });

  it.each<[found: string, expects: string, change: Change]>([
    ['replaced by pod-4, not healthy within 2.0 s', 'recovered<2s', (one) => one.notYet(2, 4)],
    ['replaced by pod-4, and the link from pod-1 is not ok', 'recovered<10s', both(failing, silence(2))],
    ['replaced by pod-4, not healthy within 13 s', 'recovered<10s', both(okSince(5_000), silence(2))],
  ])('fails for certain whatever another pod does not report: %s', (found, expects, change) => {
    expect(answerFor(killed(change), expects).violations[0]?.found).toBe(found);
  });

  it('ends its search whatever pods claim to replace each other', () => {
    const pods = [podOf(0, { ...GONE, replacedBy: 'uid-1' }), podOf(1, { ...GONE, replacedBy: 'uid-0' })];
    const { result } = runToEnd(lostPodsOf(meshOf(pods, []), { fromMs: 0, toMs: NOW_MS }));
    expect(result.map((one) => one.replacement)).toEqual([1, 0]);
  });
});
