import { describe, expect, it } from 'vitest';
import { parseStartOptions } from '../../../../deploy/local/start-command.ts';
import { UsageError } from '../../../../deploy/local/usage.ts';

describe('the options of npm start', () => {
  it('have defaults', () => {
    expect(parseStartOptions([])).toEqual({
      pods: 3,
      intervalS: 2,
      startDelayMs: 2000,
      port: 8080,
      podPort: 8080,
      dir: '.local',
      env: {},
    });
  });

  it('are read, with values after a space or an equals sign', () => {
    const args = '--pods 5 --interval=0.5 --port 9000 --dir x --env A=1 --env B=x=y --env=C='.split(' ');
    const wanted = { pods: 5, intervalS: 0.5, port: 9000, dir: 'x', env: { A: '1', B: 'x=y', C: '' } };
    expect(parseStartOptions(args)).toMatchObject(wanted);
  });

  it.each([
    [['--pods', '0'], '--pods must be a whole number from 1 to 100'],
    [['--pods', '101'], '--pods must be'],
    [['--pods', '2.5'], '--pods must be'],
    [['--pods', '1e1'], '--pods must be'],
    [['--pods='], '--pods must be'],
    [['--interval', '0'], '--interval must be a number from 0.1 to 3600'],
    [['--interval', '2s'], '--interval must be'],
    [['--port', '65536'], '--port must be'],
    [['--pod-port', 'x'], '--pod-port must be'],
    [['--env', 'PING'], '--env must be NAME=VALUE'],
    [['--env', '1A=2'], '--env must be NAME=VALUE'],
    [['--dir='], '--dir must be the path of a folder'],
    [['--bogus'], '--bogus'],
    [['stray'], 'stray'],
    [['--pods'], '--pods'],
  ])('%j are refused', (args, words) => {
    expect(() => parseStartOptions(args)).toThrow(UsageError);
    expect(() => parseStartOptions(args)).toThrow(words);
  });

  it('are rejected with all problems in one message, one per line', () => {
    const bad = () => parseStartOptions(['--pods', 'x', '--port', 'y', '--env', 'z']);
    expect(bad).toThrow(/--pods.*\n--port.*\n--env/);
  });
});
