import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failureAdvice } from '../../../server/protocol/link-advice.ts';
import { OUTCOMES, type Outcome, type Phase } from '../../../server/protocol/sample.ts';

test.each<[Outcome, Phase | null, string]>([
  ['reset', 'connect', 'its process, a proxy or a firewall closes the connection'],
  ['timeout', 'connect', 'check its network and whether it still runs'],
  ['timeout', null, 'check its network and whether it still runs'],
  ['timeout', 'first-byte', 'check the process or a proxy, not the network'],
  ['timeout', 'body', 'check the process, and whether large packets are lost (MTU)'],
  ['dns', null, 'check the cluster DNS'],
])('a link that fails with %s in %s: %s', (outcome, phase, advice) => {
  expect(failureAdvice(outcome, phase)).toBe(advice);
});

test('each outcome of a failed link has advice, and its usual causes in the documentation', () => {
  const [, causes = ''] = readFileSync('docs/troubleshooting.md', 'utf8').split('## Links, by outcome');
  for (const outcome of OUTCOMES) {
    expect(failureAdvice(outcome, null) === '').toBe(outcome === 'ok');
    expect(causes.includes(`\`${outcome}\``)).toBe(outcome !== 'ok');
  }
});
