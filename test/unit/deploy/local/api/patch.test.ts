import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patched } from '../../../../../deploy/local/api/patch.ts';
import { errorCodeOf } from '../pod-store.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json; charset=utf-8';
const STRATEGIC = 'application/strategic-merge-patch+json';

const codeOf = (object: unknown, patch: unknown, type: string) => errorCodeOf(() => patched(object, patch, type));

describe('a merge patch', () => {
  // The examples of RFC 7386, appendix A, that have an object as their result.
  it.each([
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    // A directive of strategic patches has no meaning here: it is a field as any other.
    [{ a: 'b' }, { $patch: 'replace', c: 'd' }, { $patch: 'replace', a: 'b', c: 'd' }],
  ])('%j with %j is %j', (object, patch, result) => {
    expect(patched(object, patch, MERGE)).toEqual(result);
  });

  it('changes neither the object that it is applied to, nor any prototype', () => {
    const object = { a: { b: 1 }, list: [1] };
    const result = patched(object, JSON.parse('{"a":{"b":2},"list":[2],"__proto__":{"phase":"Failed"}}'), MERGE);
    expect(object).toEqual({ a: { b: 1 }, list: [1] });
    expect([Object.getPrototypeOf(result), Object.keys(Object.prototype)]).toEqual([Object.prototype, []]);
  });
});

describe('a strategic merge patch', () => {
  const object = {
    containers: [
      { name: 'a', image: '1', env: [{ name: 'X', value: '1' }] },
      { name: 'b', image: '2' },
    ],
  };

  it('merges lists of containers and variables by name', () => {
    const patch = { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }], '$setElementOrder/containers': [] };
    const [a, b] = object.containers;
    const both = { ...a, env: [...(a?.env ?? []), { name: 'Y', value: '2' }] };
    expect(patched(object, patch, STRATEGIC)).toEqual({ containers: [both, b] });
  });

  it('keeps the order of the list, and adds new elements at its end', () => {
    const patch = { containers: [{ name: 'c' }, { name: 'b' }], '$setElementOrder/containers': [{ name: 'c' }] };
    const { containers } = patched(object, patch, STRATEGIC) as typeof object;
    expect(containers.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('replaces an object if a directive says so', () => {
    const patch = { strategy: { $patch: 'replace', type: 'Recreate' } };
    expect(patched({ strategy: { type: 'RollingUpdate', rollingUpdate: {} } }, patch, STRATEGIC)).toEqual({
      strategy: { type: 'Recreate' },
    });
  });

  it('deletes an element or replaces a list if a directive says so', () => {
    const drop = { containers: ['a', 'gone'].map((name) => ({ name, $patch: 'delete' })) };
    expect(patched(object, drop, STRATEGIC)).toEqual({ containers: [{ name: 'b', image: '2' }] });
    const replace = { containers: [{ name: 'c', image: '3' }, { $patch: 'replace' }] };
    expect(patched(object, replace, STRATEGIC)).toEqual({ containers: [{ name: 'c', image: '3' }] });
  });

  it('replaces lists of plain values', () => {
    expect(patched({ args: ['a', 'b'] }, { args: ['c'] }, STRATEGIC)).toEqual({ args: ['c'] });
  });
});

describe('a JSON patch', () => {
  it('is applied by its operations, one after another', () => {
    const patch = [
      { op: 'test', path: '/a', value: 1 },
      { op: 'replace', path: '/a', value: 2 },
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'remove', path: '/x~1y/~0' },
    ];
    const object = { a: 1, list: [1], 'x/y': { '~': 1 } };
    expect(patched(object, patch, JSON_PATCH)).toEqual({ a: 2, list: [1, 3], 'x/y': {} });
    expect(object.a).toBe(1);
  });

  it.each([
    [[{ op: 'remove', path: '/none' }]],
    [[{ op: 'add', path: '/none/a', value: 1 }]],
    [[{ op: 'test', path: '/a', value: 2 }]],
    [[{ op: 'add', path: '/list/7', value: 1 }]],
    [[{ op: 'add', path: '/a/x', value: 1 }]],
    [[{ op: 'unknown', path: '/a' }]],
    [[null]],
    [{}],
  ])('%j is refused with 422', (patch) => {
    expect(codeOf({ a: 1, list: [] }, patch, JSON_PATCH)).toBe(422);
  });

  it('does not change prototypes', () => {
    codeOf({ a: 1 }, [{ op: 'add', path: '/__proto__/polluted', value: 1 }], JSON_PATCH);
    expect({}).not.toHaveProperty('polluted');
  });
});

it('a patch of an unknown format is refused with 415', () => {
  expect(codeOf({}, {}, 'application/apply-patch+yaml')).toBe(415);
});

it('every patch gives a result or 422', () => {
  const types = fc.constantFrom(JSON_PATCH, MERGE, STRATEGIC);
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), types, (object, patch, type) =>
      ['no error', 422].includes(codeOf(object, patch, type)),
    ),
  );
});
