import { describe, expect, it } from 'vitest';
import { PeerTables } from '../../../server/mesh/peer-tables.ts';
import { podsOf, refOf } from './scene.ts';

const tableOf = (count: number, hash = `hash-${count}`) => ({ hash, peers: podsOf(count).map(refOf) });
const sent = ({ hash, peers }: ReturnType<typeof tableOf>) => ({ peersHash: hash, peers: structuredClone(peers) });

describe('tables of peers', () => {
  const own = tableOf(3);

  it('offer our own to a pod that we know nothing of, or that has it', () => {
    const tables = new PeerTables();
    expect(tables.offer('a', own)).toBe(own);
    expect(tables.keep('a', { peersHash: own.hash, peers: own.peers }, own)).toBe(own.peers);
    expect(tables.offer('a', own)).toBe(own);
    expect(tables.offer('b', null)).toBeNull();
    expect(tables.size).toBe(0);
  });

  it('offer a pod the one that it last answered with, until our own changes', () => {
    const tables = new PeerTables();
    const other = tableOf(2);
    const kept = tables.keep('a', sent(other), own);
    expect(tables.offer('a', own)).toEqual(other);
    expect(tables.offer('a', own)?.peers).toBe(kept);
    const newer = tableOf(4);
    expect(tables.offer('a', newer)).toBe(newer);
  });

  it('keep equal ones once', () => {
    const tables = new PeerTables();
    const first = tables.keep('a', sent(tableOf(2)), own);
    expect(tables.keep('b', sent(tableOf(2)), own)).toBe(first);
    expect(tables.size).toBe(1);
  });

  it('believe a fingerprint of the pod that claims it and of no other', () => {
    const tables = new PeerTables();
    const lie = { peersHash: own.hash, peers: tableOf(2).peers };
    expect(tables.keep('liar', lie, own)).toEqual(lie.peers);
    expect(tables.offer('liar', own)?.peers).toEqual(lie.peers);
    expect(tables.offer('honest', own)?.peers).toBe(own.peers);
  });

  it('are at most 16, the ones used last', () => {
    const tables = new PeerTables();
    for (let n = 1; n <= 40; n++) {
      tables.keep(`pod-${n}`, sent(tableOf(n + 3)), own);
      expect(tables.offer('pod-1', own)?.hash).toBe('hash-4');
    }
    expect(tables.size).toBe(16);
    expect(tables.offer('pod-2', own)).toBe(own);
    expect(tables.offer('pod-40', own)?.hash).toBe('hash-43');
  });

  it('forget pods that are no more', () => {
    const tables = new PeerTables();
    tables.keep('a', sent(tableOf(2)), own);
    tables.retain(new Set(['b']));
    expect(tables.offer('a', own)).toBe(own);
  });
});
