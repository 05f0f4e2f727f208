import { expect, it } from 'vitest';
import { sameJson, validated } from '../../../../../deploy/local/api/objects.ts';
import { PODS, SERVICES } from '../../../../../deploy/local/api/resources.ts';

it('two values are the same in any order of their keys', () => {
  expect(sameJson({ a: 1, b: { c: 2, d: null } }, { b: { d: null, c: 2 }, a: 1 })).toBe(true);
  expect(sameJson({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  expect(sameJson({ a: 1 }, { a: '1' })).toBe(false);
});

it('a port has the protocol TCP unless it names another one, as in Kubernetes', () => {
  const service = validated(SERVICES, { metadata: {}, spec: { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] } });
  expect(service['spec']).toMatchObject({ ports: [{ protocol: 'TCP' }, { protocol: 'UDP' }] });
  const containers = [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }];
  expect(validated(PODS, { metadata: {}, spec: { containers } })['spec']).toMatchObject({
    containers: [{ ports: [{ protocol: 'TCP' }] }],
  });
});

it('an object of 100 levels is accepted, a deeper one refused', () => {
  const nested = (levels: number) => JSON.parse(`${'{"x":'.repeat(levels)}1${'}'.repeat(levels)}`);
  expect(() => validated(SERVICES, { metadata: {}, spec: {}, ...nested(100) })).not.toThrow();
  expect(() => validated(SERVICES, { metadata: {}, spec: {}, ...nested(101) })).toThrow('nested more than 100 levels');
});
