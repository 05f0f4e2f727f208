import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeLabels, podLabels, shownName } from '../../../../web/model/names.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

const [POD] = meshOf({ pods: 1, scenario: 'alone' }).pods;
const podsNamed = (...names: string[]) => names.map((name) => ({ ...POD!, name }));

test.each([
  ['what all names share, up to the last dash', 'goldpinger-001 goldpinger-002 goldpinger-chaos', '001 002 chaos'],
  ['the hash of the template', 'goldpinger-7c9f4-x2k8p goldpinger-7c9f4-x2abc', 'x2k8p x2abc'],
  ['nothing where nothing is shared', 'a b', 'a b'],
  ['what most share: one odd name lengthens no other', 'goldpinger-abc goldpinger-def toolbox', 'abc def toolbox'],
  ['what most share', 'ping-eu-a1 ping-eu-a2 ping-eu-a3 ping-us-a9', 'a1 a2 a3 us-a9'],
  [
    'less where they would be the same, and only there',
    'ping-7d9f8b6c5d-x7k2p ping-6c5d7d9f8b-x7k2p ping-7d9f8b6c5d-zz9wd',
    'ping-7d9f8b6c5d-x7k2p ping-6c5d7d9f8b-x7k2p zz9wd',
  ],
])('labels drop %s', (_rule, names, labels) => {
  expect(podLabels(podsNamed(...names.split(' ')), false).join(' ')).toBe(labels);
});

test('labels drop the hash that only the label of a pod tells', () => {
  const pods = [
    ...podsNamed('goldpinger-7d9f8b6c5d-x7k2p', 'goldpinger-7d9f8b6c5d-zz9wd'),
    { ...POD!, name: 'goldpinger-aeiou-2bcdf', labels: 'app=goldpinger,pod-template-hash=aeiou' },
  ];
  expect(podLabels(pods, false)).toEqual(['x7k2p', 'zz9wd', '2bcdf']);
});

test('no label is ever empty, and no two are the same while names and namespaces differ', () => {
  const names = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[ab-]{1,6}$/), fc.constantFrom('n1', 'n2')), {
    selector: ([name, namespace]) => `${namespace}/${name}`,
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(names, (made) => {
      const labels = podLabels(
        made.map(([name, namespace]) => ({ ...POD!, name, namespace })),
        false,
      );
      for (const label of labels) expect(label).not.toBe('');
      expect(new Set(labels).size).toBe(labels.length);
    }),
  );
});

test('pods of one name in two namespaces stay two, so do two pods of one node', () => {
  const twins = podsNamed('x-1', 'x-1', 'x-2').map((pod, i) => ({ ...pod, namespace: `ns${i}` }));
  expect(podLabels(twins, false)).toEqual(['ns0/x-1', 'ns1/x-1', '2']);
  const onNodes = podsNamed('x-1', 'x-2', 'x-3').map((pod, i) => ({ ...pod, node: i < 2 ? 'w1' : 'w2' }));
  expect(podLabels(onNodes, true)).toEqual(['w1 1', 'w1 2', 'w2']);
});

test('nodes are named without their domain, if they stay different', () => {
  expect(placeLabels(['ip-10-0-1-2.ec2.internal', 'worker-1', '10.0.0.1', 'a.x', 'a.y'])).toEqual([
    'ip-10-0-1-2',
    'worker-1',
    '10.0.0.1',
    'a.x',
    'a.y',
  ]);
});

test('what would hide or reorder text is shown as a mark, and nothing else is touched', () => {
  expect(shownName('a\u202eb\u0000c\u200bd\ne')).toBe('a\ufffdb\ufffdc\ufffdd\ufffde');
  expect(shownName('<script>')).toBe('<script>');
});
