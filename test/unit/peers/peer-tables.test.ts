import { describe, expect, it } from 'vitest';
import { PeerTables } from '../../../server/peers/peer-tables.ts';
import { peersHashOf } from '../../../server/protocol/pod.ts';
import { podsOf, refOf } from '../../support/mesh.ts';

function tableOf(count: number) {
  const peers = podsOf(count).map(refOf);
  return { hash: peersHashOf(peers), peers };
}

/** A report that came with its table, as read from the wire. */
const sent = ({ hash, peers }: ReturnType<typeof tableOf>) => ({ peersHash: hash, peers: structuredClone(peers) });

describe('tables of peers', () => {
  const own = tableOf(3);
  const other = tableOf(2);

  it('offer our own to a pod that we know nothing of, or that has it', () => {
    const tables = new PeerTables();
    expect(tables.offer('a', own)).toBe(own);
    expect(tables.keep('a', sent(own), own)).toBe(own.peers);
    expect(tables.offer('a', own)).toBe(own);
    expect(tables.offer('b', null)).toBeNull();
    expect(tables.size).toBe(0);
  });

  it('offer a pod the one that it last answered with, until our own changes', () => {
    const tables = new PeerTables();
    const kept = tables.keep('a', sent(other), own);
    tables.begin(new Set(['a', 'b']));
    expect(tables.offer('a', own)).toEqual(other);
    expect(tables.offer('a', own)?.peers).toBe(kept);
    expect(tables.offer('b', own)).toBe(own);
    const newer = tableOf(4);
    expect(tables.offer('a', newer)).toBe(newer);
  });

  it('offer what most others have answered with, as our own list may be the late one', () => {
    const tables = new PeerTables();
    tables.keep('a', sent(other), own);
    expect(tables.offer('c', own)).toEqual(other);
    tables.keep('b', sent(own), own);
    tables.keep('d', sent(own), own);
    expect(tables.offer('c', own)).toBe(own);
    tables.begin(new Set(['a', 'b', 'c', 'd']));
    expect(tables.offer('c', own)).toBe(own);
  });

  it('keep equal ones once', () => {
    const tables = new PeerTables();
    const first = tables.keep('a', sent(other), own);
    expect(tables.keep('b', sent(other), own)).toBe(first);
    expect(tables.size).toBe(1);
  });

  it.each([
    ['our own', own.hash],
    ["another's", tableOf(5).hash],
    ['nonsense', 'x'],
  ])('do not keep one under a false fingerprint: %s', (_, peersHash) => {
    const tables = new PeerTables();
    const lie = [...own.peers].reverse();
    expect(tables.keep('liar', { peersHash, peers: lie }, own)).toBe(lie);
    expect(tables.size).toBe(0);
    for (const uid of ['liar', 'honest']) expect(tables.offer(uid, own)).toBe(own);
  });

  it('are at most 16, the ones used last', () => {
    const tables = new PeerTables();
    for (let n = 1; n <= 40; n++) {
      tables.keep(`pod-${n}`, sent(tableOf(n + 3)), own);
      expect(tables.offer('pod-1', own)?.peers).toHaveLength(4);
    }
    expect(tables.size).toBe(16);
    expect(tables.offer('pod-2', own)).toBe(own);
    expect(tables.offer('pod-40', own)?.peers).toHaveLength(43);
  });

  it('forget pods that are no more', () => {
    const tables = new PeerTables();
    tables.keep('a', sent(other), own);
    tables.begin(new Set(['b']));
    expect(tables.offer('a', own)).toBe(own);
  });
});
