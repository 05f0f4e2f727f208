import { describe, expect, it } from 'vitest';
import { CONTENDERS, type Contender, commandOf } from '../../bench/contenders.ts';
import { measuresOf } from '../../bench/mesh-figures.ts';
import { SERVER_PROGRAM } from '../../support/server-process.ts';

const PLACE = {
  host: '127.9.1.1',
  port: 20_000,
  podName: 'pod-1',
  node: 'node-1',
  kubeconfig: '/k',
  intervalS: 1,
  peers: ['127.9.1.2', '127.9.1.3'],
};
const PROGRAMS = {
  goldpinger: '/bin/goldpinger',
  bareNode: '/bin/bare.cjs',
  server: { env: { MALLOC_ARENA_MAX: '1' }, nodeFlags: ['--optimize-for-size'] },
  isUdp: false,
};

describe('the processes of a mesh', () => {
  it('get the same place, the same Kubernetes API and the same interval, whatever the program', () => {
    for (const contender of ['ours', 'oursFresh', 'goldpinger', 'bareKept', 'bareFresh'] as const) {
      expect(commandOf(contender, PLACE, PROGRAMS).env).toMatchObject({
        HOST: '127.9.1.1',
        PORT: '20000',
        POD_IP: '127.9.1.1',
        POD_NAME: 'pod-1',
        HOSTNAME: 'node-1',
        NAMESPACE: 'default',
        KUBECONFIG: '/k',
        REFRESH_INTERVAL: '1',
      });
    }
  });

  it('are ours as its first line runs it, with the default FRESH_CONNECTION_INTERVAL or with 0s', () => {
    const { program, args, env } = commandOf('ours', PLACE, PROGRAMS);
    expect([program, ...args]).toEqual([process.execPath, '--optimize-for-size', SERVER_PROGRAM]);
    expect(env).toMatchObject({ MALLOC_ARENA_MAX: '1' });
    expect(env).not.toHaveProperty('FRESH_CONNECTION_INTERVAL');
    expect(commandOf('oursFresh', PLACE, PROGRAMS).env).toMatchObject({ FRESH_CONNECTION_INTERVAL: '0s' });
  });

  it('are ours with UDP if that is wanted, and nothing else is', () => {
    const withUdp = (contender: Contender) => commandOf(contender, PLACE, { ...PROGRAMS, isUdp: true }).env;
    expect(CONTENDERS.filter((contender) => withUdp(contender)['UDP_ENABLED'] === 'true')).toEqual([
      'ours',
      'oursFresh',
    ]);
    for (const contender of CONTENDERS) {
      expect(commandOf(contender, PLACE, PROGRAMS).env).not.toHaveProperty('UDP_ENABLED');
    }
    for (const { measure, aims } of measuresOf(30, true))
      expect([measure, aims]).toEqual([expect.stringMatching(/, ours with UDP$/), {}]);
    expect(
      measuresOf(30, false)
        .map(({ measure }) => measure)
        .join(),
    ).not.toContain('UDP');
  });

  it('are Goldpinger without anything of Node', () => {
    const { program, args, env } = commandOf('goldpinger', PLACE, PROGRAMS);
    expect([program, ...args]).toEqual(['/bin/goldpinger']);
    expect(env).not.toHaveProperty('MALLOC_ARENA_MAX');
  });

  it('are a bare program on the same Node that is told its peers', () => {
    const { args, env } = commandOf('bareFresh', PLACE, PROGRAMS);
    expect(args).toEqual(['--optimize-for-size', '/bin/bare.cjs']);
    expect(env).toMatchObject({ PEERS: '127.9.1.2,127.9.1.3', FRESH_CONNECTION_INTERVAL: '0s' });
  });
});
