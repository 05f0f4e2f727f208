import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isActiveNode, nodeBucket, saysPassive } from '../../../server/runtime/node-mode.ts';

// Recorded with Go's hash/fnv.
it.each([
  ['node-1', 87],
  ['gke-prod-default-pool-1a2b3c4d-x7q2', 73],
  ['ip-10-0-1-5.eu-west-1.compute.internal', 73],
  ['nœud-é', 83],
  ['节点-1', 63],
])('node %s is in bucket %d, as Go computes it', (name, bucket) => {
  expect(nodeBucket(name)).toBe(bucket);
});

describe('active nodes', () => {
  const active = (name: string, activeNodePercentage: number, activeNodes: string[] = []) =>
    isActiveNode(name, { activeNodePercentage, activeNodes });

  it('a node is active from the percentage on that is greater than its bucket', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 100 }), (name, percentage) => {
        expect(active(name, percentage)).toBe(nodeBucket(name) < percentage);
      }),
    );
  });

  it('a listed node is active at any percentage, and so is one without a name', () => {
    expect(active('node-1', 1)).toBe(false);
    expect(active('node-1', 1, ['other', 'node-1'])).toBe(true);
    expect(active('', 1)).toBe(true);
  });

  it("recognizes Goldpinger's own answer of a passive pod", () => {
    expect(saysPassive('this node is in passive mode and does not perform active checks')).toBe(true);
    expect(saysPassive('too many requests are in work; try again')).toBe(false);
  });
});
