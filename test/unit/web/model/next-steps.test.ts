import { expect, test } from 'vitest';
import {
  linkValues,
  podCommands,
  podListCommand,
  replayRange,
  reportRanges,
  toolLinks,
} from '../../../../web/model/next-steps.ts';

const pod = { uid: 'u-a', name: 'app-a', namespace: 'prod', node: 'worker-1' };
const other = { uid: 'u-b', name: 'app-b', namespace: 'prod', node: 'worker-2' };

test('a pod has commands in its namespace; of a gone one only the events are left', () => {
  expect(podCommands(pod).map(({ text }) => text)).toEqual([
    'kubectl -n prod describe pod app-a',
    'kubectl -n prod logs app-a --tail=200',
    'kubectl describe node worker-1',
  ]);
  expect(podCommands({ ...pod, lifecycle: 'gone' })[0]?.text).toBe(
    'kubectl -n prod get events --field-selector involvedObject.name=app-a',
  );
});

test.each([{ name: 'a; rm -rf ~' }, { name: '-oyaml' }, { name: '$(id)' }, { namespace: 'x y' }])(
  'no command has a name that Kubernetes does not allow: %o',
  (odd) => {
    const commands = podCommands({ ...pod, ...odd }).map(({ text }) => text);
    expect(commands).toEqual(['kubectl describe node worker-1']);
  },
);

test('a template is shown where all of its values are known', () => {
  const templates = [
    { name: 'Logs', url: 'https://logs.example.com/{namespace}/{pod}' },
    { name: 'Flow', url: 'https://flow.example.com/?a={from}&b={to}' },
  ];
  expect(toolLinks(templates, linkValues(pod)).map(({ href }) => href)).toEqual([
    'https://logs.example.com/prod/app-a',
  ]);
  expect(toolLinks(templates, linkValues(pod, other)).map(({ href }) => href)).toEqual([
    'https://logs.example.com/prod/app-a',
    'https://flow.example.com/?a=app-b&b=app-a',
  ]);
});

test('30 s around the start are replayed, but nothing after now', () => {
  expect(replayRange(100_000, 200_000)).toEqual({ fromMs: 85_000, toMs: 115_000 });
  expect(replayRange(100_000, 105_000)).toEqual({ fromMs: 85_000, toMs: 105_000 });
  expect(replayRange(0, 105_000)).toBeNull();
});

test('a report compares the five minutes before with the time since, within the history', () => {
  const minute = 60_000;
  expect(reportRanges(30 * minute, 40 * minute, 60 * minute)).toEqual([
    { fromMs: 25 * minute, toMs: 30 * minute - 5_000 },
    { fromMs: 30 * minute, toMs: 40 * minute },
  ]);
  const [before, during] = reportRanges(1, 100 * minute, 60 * minute) ?? [];
  expect(before?.fromMs).toBe(40 * minute);
  expect(during).toEqual({ fromMs: 45 * minute, toMs: 100 * minute });
  expect(reportRanges(0, 100, 60 * minute)).toBeNull();
});

test('the command that lists pods is quoted where the shell would read more into it', () => {
  expect(podListCommand('default', 'app=goldpinger')).toBe('kubectl get pods -n default -l app=goldpinger');
  expect(podListCommand('', '')).toBe('kubectl get pods -A');
  expect(podListCommand('', 'app in (a, b),!x')).toBe("kubectl get pods -A -l 'app in (a, b),!x'");
  expect(podListCommand('a;b', "x='y")).toBe("kubectl get pods -n 'a;b' -l 'x='\\''y'");
});
