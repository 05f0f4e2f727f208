import { describe, expect, it } from 'vitest';
import { AddressPool, claimRange } from '../../../../deploy/local/addresses.ts';

const all = async () => '';
const onlyFirst = (usable: number) => async (address: string) =>
  Number(address.split('.')[3]) < 2 + usable ? '' : 'EADDRNOTAVAIL';

describe('the address pool', () => {
  it('takes addresses in turn, so that each is reused as late as possible', async () => {
    const pool = new AddressPool('127.9.9', 8080, all);
    expect(await pool.take()).toBe('127.9.9.2');
    pool.release('127.9.9.2');
    const seen = [];
    for (let i = 0; i < 239; i++) seen.push(await pool.take());
    expect(seen[0]).toBe('127.9.9.3');
    expect(seen.at(-1)).toBe('127.9.9.2');
    expect(new Set(seen).size).toBe(239);
    await expect(pool.take()).rejects.toThrow('no free address: for i in $(seq 2 240); do sudo ifconfig');
    pool.release('127.9.9.77');
    expect(await pool.take()).toBe('127.9.9.77');
  });

  it('never gives one address to two callers at the same time', async () => {
    const pool = new AddressPool('127.9.9', 8080, all);
    const taken = await Promise.all(Array.from({ length: 50 }, () => pool.take()));
    expect(new Set(taken).size).toBe(50);
  });

  it('skips addresses that cannot be used', async () => {
    const pool = new AddressPool('127.9.9', 8080, async (address) => (/\.[23]$/.test(address) ? 'EADDRINUSE' : ''));
    expect(await pool.take()).toBe('127.9.9.4');
  });

  it('tells how to add addresses if there are too few', async () => {
    const pool = new AddressPool('127.0.0', 8080, onlyFirst(2));
    await expect(pool.demand(2)).resolves.toBeUndefined();
    await expect(pool.demand(4)).rejects.toThrow('4 are needed, 2 of 127.0.0.2-240 can be used');
    await expect(pool.demand(4)).rejects.toThrow(
      'for i in $(seq 2 10); do sudo ifconfig lo0 alias 127.0.0.$i up; done',
    );
  });
});

describe('a range of addresses', () => {
  it('belongs to one cluster at a time', async () => {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const first = await claimRange('127.77.77', port, () => 0.5);
    expect(first.base).toBe('127.77.77');
    const second = await claimRange('127.77.77', port, () => 0.5);
    expect(second.base).toBe('127.130.128');
    await first.release();
    const third = await claimRange('127.77.77', port, () => 0.5);
    expect(third.base).toBe('127.77.77');
    await Promise.all([second.release(), third.release()]);
  });
});
