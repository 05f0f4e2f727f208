import { describe, expect, test } from 'vitest';
import { discoveryOfFile, until } from './discovery-scene.ts';

const api = discoveryOfFile();
const { start } = api;

describe('zones', () => {
  test('are those of the nodes, also of nodes that come later', async () => {
    api.stub.putNode('n1', 'east');
    api.stub.putPod({ name: 'a', ip: '10.1.0.1', node: 'n1' });
    const discovery = start();
    await until(() => expect(discovery.snapshot().pods.map(({ zone }) => zone)).toEqual(['east']));
    api.stub.putNode('n2', 'west');
    api.stub.putNode('n3', '');
    api.stub.putPod({ name: 'b', ip: '10.1.0.2', node: 'n2' });
    api.stub.putPod({ name: 'c', ip: '10.1.0.3', node: 'n3' });
    await until(() => expect(discovery.snapshot().pods.map(({ zone }) => zone)).toEqual(['east', 'west', '']));
  });

  test('are silently absent without the right to read nodes', async () => {
    await api.stub.break(403, 'nodes');
    api.stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    await until(() => expect(discovery.lines.some((line) => line.startsWith('debug nodes cannot be read'))).toBe(true));
    expect(discovery.snapshot()).toMatchObject({ pods: [{ zone: '' }], status: { phase: 'synced', lastError: null } });
    expect(discovery.faults).toEqual([]);
  });
});
