import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultKeys } from '../../../server/goldpinger/check.ts';

const pod = (uid: string, name: string, namespace = 'default', node = '') => ({ uid, name, namespace, node });

describe("keys in Goldpinger's maps", () => {
  it('are names of pods', () => {
    expect([...resultKeys([pod('1', 'a'), pod('2', 'b')], false)]).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
  });

  it('say the namespace where a name is not enough', () => {
    const keys = resultKeys([pod('1', 'a', 'x'), pod('2', 'a', 'y'), pod('3', 'b', 'x')], false);
    expect([...keys.values()].sort()).toEqual(['b', 'x/a', 'y/a']);
  });

  it('are names of nodes on demand, with the pod where two share one', () => {
    const pods = [pod('1', 'a', 'x', 'n1'), pod('2', 'b', 'x', 'n2'), pod('3', 'c', 'x', 'n2'), pod('4', 'd')];
    expect(Object.fromEntries(resultKeys(pods, true))).toEqual({ 1: 'n1', 2: 'n2 (b)', 3: 'n2 (c)', 4: 'd' });
  });

  it('are the same for a pod whose two addresses are both targets', () => {
    expect(resultKeys([pod('1', 'a'), pod('1', 'a')], false)).toEqual(new Map([['1', 'a']]));
  });

  it('are never shared, whatever the names, and do not depend on the order', () => {
    const word = fc.constantFrom('', 'a', 'b', 'a/b', 'a (b)', 'a/b 1', '1', '2', '__proto__');
    const pods = fc.uniqueArray(fc.record({ uid: word, name: word, namespace: word, node: word }), {
      selector: ({ uid }) => uid,
    });
    fc.assert(
      fc.property(pods, fc.boolean(), (list, displayNodeName) => {
        const keys = resultKeys(list, displayNodeName);
        expect(keys.size).toBe(list.length);
        expect(new Set(keys.values()).size).toBe(list.length);
        expect(resultKeys([...list].reverse(), displayNodeName)).toEqual(keys);
      }),
    );
  });
});
