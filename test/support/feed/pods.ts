import type { Pod } from '../../../server/protocol/pod.ts';
import type { MeshOptions } from './options.ts';
import { suffix } from './random.ts';

const HOSTILE = [
  '<script>document.title="owned"</script>',
  '"><img src=x onerror=alert(1)>',
  'pod-\u202egnp.elbatucexe',
  "=cmd|'/c calc'!A1",
  'goldpinger-with-a-name-that-goes-on-and-on-'.padEnd(253, 'x'),
];

/** The pods of a scenario, sorted by name as the server sends them. To four pods they are named as in the book. */
export function podsOf(options: Required<MeshOptions>): Pod[] {
  const { pods: count, seed, scenario } = options;
  const nodes = Math.max(1, options.nodes || (count <= 30 ? Math.min(3, count) : Math.ceil(count / 10)));
  const names = Array.from({ length: count }, (_, i) => {
    if (scenario === 'hostile' && i < HOSTILE.length) return HOSTILE[i] ?? '';
    if (count <= 4) return i === count - 1 && count > 1 ? 'goldpinger-chaos' : `goldpinger-00${i + 1}`;
    return `goldpinger-${suffix(seed, i, 5)}`;
  });
  return names.sort().map((name, i) => podOf(options, name, i, nodes));
}

function podOf({ pods, atMs, zones }: Required<MeshOptions>, name: string, i: number, nodes: number): Pod {
  // Neighbours by name are on different nodes, as a scheduler would have it.
  const node = pods <= 30 ? i % nodes : Math.floor(((i * 7919) % pods) / (pods / nodes));
  const pad = nodes > 99 ? 3 : 2;
  return {
    uid: `uid-${String(i).padStart(4, '0')}`,
    name,
    namespace: 'default',
    node: `worker-${String(node + 1).padStart(pad, '0')}`,
    zone: zones > 0 ? `zone-${'abcdef'[node % zones] ?? 'x'}` : '',
    podIPs: [`10.244.${node + 1}.${(i % 250) + 2}`],
    hostIPs: [`10.0.0.${(node % 250) + 2}`],
    lifecycle: 'ready',
    sinceMs: atMs - 3_600_000,
    createdMs: atMs - 3_605_000,
    owner: 'owner-1',
    labels: '',
    replacedBy: '',
  };
}
