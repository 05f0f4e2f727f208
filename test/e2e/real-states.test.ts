import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { StubMesh } from '../support/stub-mesh.ts';
import { goTo, soon, violations, words } from './page-visit.ts';
import { Pages } from './pages.ts';
import { podsIn } from './real-pages.ts';

const pages = Pages.ofFile();

const titled = (page: Page, name: string) => page.getByRole('heading', { name, level: 1 }).waitFor();

describe('a real server says why there is no matrix', () => {
  test('while the Kubernetes API is down, until it is up', async () => {
    const mesh = await StubMesh.forTest();
    mesh.addPod(1);
    mesh.addPod(2);
    await mesh.kube.break('refuse');
    const server = await mesh.serve(1);
    await mesh.serve(2);
    const page = await pages.open(`${server.url}/`);
    await titled(page, 'Waiting for the Kubernetes API');
    await soon(() => words(page, '.stage')).toMatch(/attempt [1-9]/);
    expect(await violations(page)).toEqual([]);
    await mesh.kube.heal();
    await soon(async () => (await podsIn(page)).length).toBe(2);
  });

  test.each([
    ['it may not list pods, with the role that lets it', 403, 0, 'Not allowed to list pods in default', 'verbs: [list'],
    ['no pod matches', null, 0, 'No pod matches app=goldpinger', 'kubectl get pods'],
    ['it is alone', null, 1, 'No peers yet', 'It reaches itself in'],
  ] as const)('where %s', async (_, refusal, pods, heading, text) => {
    const mesh = await StubMesh.forTest();
    if (refusal !== null) await mesh.kube.break(refusal);
    if (pods > 0) mesh.addPod(1);
    const server = await mesh.serve(1);
    const page = await pages.open(`${server.url}/`);
    await titled(page, heading);
    if (refusal !== null) await page.getByText('Show the RBAC manifest to apply').click();
    await soon(() => words(page, '.stage')).toContain(text);
  });
});

test('an API server that goes away later leaves the picture, with the age of its list', async () => {
  const mesh = await StubMesh.forTest();
  mesh.addPod(1);
  mesh.addPod(2);
  const server = await mesh.serve(1);
  await mesh.serve(2);
  const page = await pages.open(`${server.url}/`);
  await soon(() => page.title()).toBe('2 pods ok · goldpinger');
  await mesh.kube.break('refuse');
  await soon(() => words(page, '.notices')).toMatch(
    /Pod list is .* old\. Kubernetes API unreachable; the 2 known pods are still pinged\./,
  );
  expect((await podsIn(page)).length).toBe(2);
});

describe('hostile names', () => {
  const HOSTILE = [
    '<script>document.title="owned"</script>',
    '"><img src=x onerror=alert(1)>',
    `' onmouseover='alert(2)`,
  ];
  const NODES = ['<svg onload=alert(3)>', 'node\u202egnp', '`;alert(4);`'];

  test('of pods and nodes are text in every view: nothing runs, nothing is asked for', async () => {
    const mesh = await StubMesh.forTest();
    for (const [i, name] of HOSTILE.entries()) {
      mesh.addPod(i + 1, { name, uid: `uid-${i + 1}`, node: NODES[i] ?? '' });
    }
    // The third has no process, so that its name is in error texts and notices as well.
    const server = await mesh.serve(1, { POD_NAME: HOSTILE[0] ?? '', HOSTNAME: NODES[0] ?? '' });
    await mesh.serve(2, { POD_NAME: HOSTILE[1] ?? '', HOSTNAME: NODES[1] ?? '' });
    const page = await pages.open(`${server.url}/`);
    await soon(() => page.title()).toBe('1 pod failing · goldpinger');
    for (const hash of [
      '#view=graph',
      '#view=graph&pod=uid-1',
      '#view=graph&from=uid-1&to=uid-3',
      '#view=graph&table=1',
      '#view=heatmap',
      '#view=heatmap&table=1',
      '#view=raw',
      '#view=metrics',
    ]) {
      await goTo(page, hash);
      const view = /view=(\w+)/.exec(hash)?.[1];
      await page.locator(`.view-${view}`).waitFor();
      await soon(() => words(page, 'body')).toContain(`onmouseover='alert(2)`);
      expect(await page.locator('#page img, #page script, #page [onload], #page [onmouseover]').count()).toBe(0);
    }
    // Not "owned". What it says of failures may differ from moment to moment while a pod gets no CPU.
    expect(await page.title()).toMatch(/ · goldpinger$/);
    await goTo(page, '#view=raw');
    await soon(() => words(page, '.text-body')).toContain('<script>document.title');
  });
});
