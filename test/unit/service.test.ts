import { expect, it } from 'vitest';
import { onlyReporters } from '../../server/service.ts';
import { podOf, snapshotOf } from '../support/mesh.ts';

it('our own pod reports as soon as we know which one it is, although its node counts as passive', () => {
  const [active, own, passive] = [podOf(1), podOf(2), podOf(3)];
  let known = snapshotOf([active, own, passive]);
  let selfUid = '';
  const reporters = onlyReporters(
    () => known,
    () => selfUid,
    ({ uid }) => uid !== active.uid,
  );
  expect(reporters().pods).toEqual([active]);
  selfUid = own.uid;
  const { pods } = reporters();
  expect(pods).toEqual([active, own]);
  // Nothing has changed: keepers are not chosen again.
  expect(reporters().pods).toBe(pods);
  known = snapshotOf([active, own]);
  expect(reporters().pods).not.toBe(pods);
});
