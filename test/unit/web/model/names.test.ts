import fc from 'fast-check';
import { expect, test } from 'vitest';
import { podLabels, sharedPrefix, shownName } from '../../../../web/model/names.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

const [POD] = meshOf({ pods: 1, scenario: 'alone' }).pods;
const podsNamed = (...names: string[]) => names.map((name) => ({ ...POD!, name }));

test('labels drop what all names share, up to the last dash', () => {
  expect(podLabels(podsNamed('goldpinger-001', 'goldpinger-002', 'goldpinger-chaos'), false)).toEqual([
    '001',
    '002',
    'chaos',
  ]);
  expect(podLabels(podsNamed('goldpinger-7c9f4-x2k8p', 'goldpinger-7c9f4-x2abc'), false)).toEqual(['x2k8p', 'x2abc']);
  expect(podLabels(podsNamed('a', 'b'), false)).toEqual(['a', 'b']);
});

test('no label is ever empty', () => {
  expect(sharedPrefix(['a-', 'a-b'])).toBe(0);
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[ab-]{1,6}$/), { minLength: 1, maxLength: 5 }), (names) => {
      const cut = sharedPrefix(names);
      for (const name of names) {
        expect(name.length).toBeGreaterThan(cut);
        expect(name.slice(0, cut)).toBe(names[0]!.slice(0, cut));
      }
    }),
  );
});

test('pods of one name in two namespaces stay two, so do two pods of one node', () => {
  const twins = podsNamed('x-1', 'x-1', 'x-2').map((pod, i) => ({ ...pod, namespace: `ns${i}` }));
  expect(podLabels(twins, false)).toEqual(['ns0/1', 'ns1/1', '2']);
  const onNodes = podsNamed('x-1', 'x-2', 'x-3').map((pod, i) => ({ ...pod, node: i < 2 ? 'w1' : 'w2' }));
  expect(podLabels(onNodes, true)).toEqual(['w1 1', 'w1 2', 'w2']);
});

test('what would hide or reorder text is shown as a mark, and nothing else is touched', () => {
  expect(shownName('a\u202eb\u0000c\u200bd\ne')).toBe('a\ufffdb\ufffdc\ufffdd\ufffde');
  expect(shownName('<script>')).toBe('<script>');
});
