import { expect, test } from 'vitest';
import { readFlags } from '../../bench/program.ts';

const HELP = '[--mesh=N,...] [--udp]';

test('a bench reads its flags', () => {
  expect(readFlags(HELP, ['--quick', '--mesh=10,30', '--udp'])).toEqual({
    flags: { isQuick: true, pods: [], mesh: [10, 30], isUdp: true },
    isJson: false,
    isHelp: false,
  });
  expect(readFlags(HELP, ['--pods=50', '--json'])).toMatchObject({
    flags: { isQuick: false, pods: [50], mesh: [], isUdp: false },
    isJson: true,
  });
});

test('a bench refuses a flag that its help does not name, and what is no list of numbers', () => {
  expect(() => readFlags('[--quick]', ['--udp'])).toThrow('--udp: unknown flag\n\n[--quick]');
  expect(() => readFlags('[--quick]', ['--mesh=10'])).toThrow('--mesh: unknown flag');
  expect(() => readFlags(HELP, ['--tcp'])).toThrow('--tcp');
  expect(() => readFlags(HELP, ['--mesh=ten'])).toThrow('--mesh=ten: not a list of numbers');
});
