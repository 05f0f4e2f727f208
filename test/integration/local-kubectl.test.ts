import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { applyFile } from '../../deploy/local/client/manifests.ts';
import { clusterOfFile } from '../support/stand-ins.ts';

const { current, api, pods, livePods, firstPod } = clusterOfFile();

describe('kubectl', () => {
  /** What kubectl prints, or null where it is not installed. */
  async function kubectl(...args: string[]): Promise<string | null> {
    try {
      const { stdout } = await promisify(execFile)('kubectl', ['--kubeconfig', current().kubeconfigPath, ...args]);
      return stdout;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  it('get pods shows the columns of the table', async () => {
    const printed = await kubectl('get', 'pods');
    if (printed === null) return;
    const [head, ...lines] = printed.trim().split('\n');
    expect(head?.split(/ {2,}/)).toEqual(['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE']);
    const cells = lines.map((line) => line.split(/ {2,}/).slice(1, 4));
    expect(cells).toEqual(Array(3).fill(['1/1', 'Running', '0']));
  });

  it('delete pod --grace-period=0 --force ends a pod at once', async () => {
    const victim = firstPod();
    const printed = await kubectl('delete', 'pod', victim.name, '--grace-period=0', '--force');
    if (printed === null) return;
    expect(printed).toContain(`pod "${victim.name}" force deleted`);
    expect(pods().map((pod) => pod.name)).not.toContain(victim.name);
    await current().ready();
  });

  it('apply creates objects and changes them, describe shows them', async () => {
    const applied = await kubectl('apply', '-f', 'test/fixtures/local-service.yml');
    if (applied === null) return;
    expect(applied).toContain('service/second created');
    expect(await kubectl('apply', '-f', 'test/fixtures/local-service.yml')).toContain('service/second unchanged');
    expect(await kubectl('describe', 'pod', firstPod().name)).toContain('Controlled By:  ReplicaSet/goldpinger-');
    expect(await kubectl('describe', 'node', firstPod().node)).toMatch(/goldpinger-\S+ +0 \(0%\) /);
    const described = await kubectl('describe', 'service', 'second');
    for (const { ip } of livePods()) expect(described).toContain(`${ip}:8080`);
    expect(await kubectl('delete', 'svc', 'second')).toContain('service "second" deleted');
  });

  describe('our apply', () => {
    const SERVICE = '/api/v1/namespaces/default/services/third';
    const contentType = 'application/merge-patch+json';
    const folder = mkdtempSync(join(tmpdir(), 'goldpinger-apply-'));
    const file = join(folder, 'service.yml');
    afterAll(() => rmSync(folder, { recursive: true }));
    const service = (metadata: object, port = 80) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port }] } });
    /** Applies manifests, and adds what is printed to `printed`. */
    async function apply(printed: string[], ...manifests: string[]): Promise<void> {
      writeFileSync(file, manifests.join('\n---\n'));
      for await (const line of applyFile(current().access, file, 'default')) printed.push(line);
    }

    it('creates and changes objects, removes what the manifest has no more, and keeps what others have set', async () => {
      const printed: string[] = [];
      await apply(printed, service({ name: 'third', labels: { a: '1', b: '2' } }));
      await api('PATCH', SERVICE, { body: { metadata: { labels: { other: '3' } } }, contentType });
      for (let i = 0; i < 2; i++) await apply(printed, service({ name: 'third', labels: { a: '4' } }));
      const { labels } = (await api('GET', SERVICE)).json['metadata'];
      expect(labels).toEqual({ a: '4', other: '3' });
      expect(printed).toEqual(['created', 'configured', 'unchanged'].map((what) => `service/third ${what}\n`));
    });

    it('says which objects it has written before one that is refused', async () => {
      const printed: string[] = [];
      const applied = apply(printed, service({ name: 'third' }), service({ name: 'refused' }, 0));
      await expect(applied).rejects.toThrow('Service "refused" is invalid');
      expect(printed).toEqual(['service/third configured\n']);
      await api('DELETE', SERVICE);
    });
  });

  it('cordon, uncordon and delete of a node: no new pods, and its pods are replaced elsewhere', async () => {
    const node = firstPod().node;
    const NODE = `/api/v1/nodes/${node}`;
    const unschedulable = async () => {
      const { spec } = (await api('GET', NODE)).json as { spec?: { unschedulable?: boolean } };
      return spec?.unschedulable === true;
    };
    if ((await kubectl('cordon', node)) === null) return;
    expect(await unschedulable()).toBe(true);
    expect(await kubectl('get', 'node', node)).toMatch(/ Ready,SchedulingDisabled /);
    expect(await kubectl('get', 'nodes', '--field-selector', 'spec.unschedulable=true', '-o', 'name')).toBe(
      `node/${node}\n`,
    );
    await kubectl('uncordon', node);
    expect(await unschedulable()).toBe(false);
    await kubectl('delete', 'node', node);
    await current().ready();
    expect(pods().map((pod) => pod.node)).not.toContain(node);
  });
});
