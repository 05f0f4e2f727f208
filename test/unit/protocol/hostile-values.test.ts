import { describe, expect, it } from 'vitest';
import { type NewObject, validated } from '../../../deploy/local/api/objects.ts';
import { DEPLOYMENTS, PODS, ROLE_BINDINGS, ROLES, SERVICES } from '../../../deploy/local/api/resources.ts';
import { changeToxic, newToxic } from '../../../deploy/local/toxic/toxic.ts';
import { readNode } from '../../../server/discovery/nodes.ts';
import { readPod } from '../../../server/discovery/pod-reader.ts';
import { parseAnnotations } from '../../../server/protocol/annotation.ts';
import { encodeComparison, parseComparison } from '../../../server/protocol/comparison.ts';
import { parseEvents } from '../../../server/protocol/event.ts';
import { encodeMesh, parseMesh } from '../../../server/protocol/mesh.ts';
import { parseRounds } from '../../../server/protocol/rounds.ts';
import { parseVerdict } from '../../../server/protocol/verdict.ts';
import { podObject } from '../../support/kube-objects.ts';
import { meshOf, NOW_MS, podOf, podsOf } from '../../support/mesh.ts';
import { PEER_ANSWERS, readAnswer } from '../../support/peer-answers.ts';
import { annotationOf, annotationsOf, comparisonOf, eventOf, eventsOf } from '../../support/report-scene.ts';

type Read = (wire: unknown) => unknown;

const joined = (parts: Iterable<string>) => JSON.parse([...parts].join('')) as unknown;
const container = {
  name: 'c',
  image: 'i',
  command: ['a'],
  args: ['b'],
  env: [{ name: 'A', value: 'b' }],
  ports: [{ name: 'http', containerPort: 80 }],
  startupProbe: { exec: { command: ['true'] } },
};
const metadata = {
  name: 'a',
  labels: { app: 'a' },
  annotations: { note: 'x' },
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' }],
};
const podSpec = { containers: [container], initContainers: [container] };
const objectOf = (resource: typeof PODS, fields: object): [wire: unknown, read: Read] => [
  { metadata, ...fields },
  (wire): NewObject => validated(resource, wire),
];
const toxicOf = (wire: unknown) => newToxic(wire, () => false);

/** Everything that reads values of other processes, and a valid value of each. */
const READERS: Record<string, [wire: unknown, read: Read]> = {
  ...Object.fromEntries(
    Object.entries(PEER_ANSWERS).map(([name, [wire, parse]]) => [
      name,
      [wire, (other: unknown) => readAnswer(parse, other)],
    ]),
  ),
  mesh: [joined(encodeMesh(meshOf(podsOf(3)))), parseMesh],
  events: [eventsOf([eventOf('pod-seen', NOW_MS, podOf(1), [podOf(0)])]), parseEvents],
  annotations: [annotationsOf([annotationOf(NOW_MS, null)]), parseAnnotations],
  comparison: [joined(encodeComparison(await comparisonOf())), parseComparison],
  verdict: [(await comparisonOf()).report.verdict, parseVerdict],
  rounds: [{ fromMs: 0, toMs: 1, nowMs: 1, truncated: false, missing: [], rounds: [] }, parseRounds],
  'pod of Kubernetes': [podObject({ name: 'a', ip: '10.1.0.1' }), readPod],
  'node of Kubernetes': [{ metadata: { name: 'n', labels: {} } }, readNode],
  'local pod': objectOf(PODS, { spec: podSpec }),
  'local deployment': objectOf(DEPLOYMENTS, {
    spec: { selector: { matchLabels: { app: 'a' } }, template: { metadata, spec: podSpec } },
  }),
  'local service': objectOf(SERVICES, { spec: { selector: { app: 'a' }, ports: [{ port: 80 }] } }),
  'local role': objectOf(ROLES, { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] }),
  'local binding': objectOf(ROLE_BINDINGS, {
    subjects: [{ kind: 'User', name: 'u' }],
    roleRef: { kind: 'Role', name: 'r' },
  }),
  toxic: [{ type: 'latency', attributes: { latency: 5 }, toxicity: 1 }, toxicOf],
  'change of a toxic': [{ attributes: { latency: 5 } }, (wire) => changeToxic(toxicOf({ type: 'latency' }), wire)],
};

const MANY = 1_000_000;
/** How many elements of a list are looked at, at most: as many as a peer of a report has. */
const MAX_LIST_LOOKS = 4;
/** How many members of an object are looked at, at most. */
const MAX_MEMBERS = 100;
const KEYS = Array.from({ length: 5_000 }, (_, i) => `k${i}`);
/** These keep many: `/check` one for each pod, a pod its labels, and a local object all fields that are not known. */
const KEEPS_MANY = /^(\/check|pod of Kubernetes|local .*)$/;

/** A list that says it has a million elements, and counts how often it is looked at. Each element is `element`. */
function longList(element: unknown, looked: () => void): unknown {
  return new Proxy([] as unknown[], {
    get: (list, key) => {
      if (key === 'length') return MANY;
      if (typeof key === 'symbol' || !/^\d+$/.test(key)) return Reflect.get(list, key);
      looked();
      return element;
    },
  });
}

/** An object with many members that counts how often they are looked at. Each of them is `member`. */
function wideObject(member: unknown, looked: () => void): unknown {
  const see = () => {
    looked();
    return member;
  };
  return new Proxy({} as Record<string, unknown>, {
    get: see,
    ownKeys: () => KEYS,
    getOwnPropertyDescriptor: () => ({ value: see(), enumerable: true, configurable: true, writable: true }),
  });
}

/** All paths in a value to lists and objects, and to one leaf of each. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]))];
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce((part, key) => (part as Record<string, unknown>)[key], value);
}

/** A copy of a value with `other` in place of what is at `path`. */
function replaced(value: unknown, path: readonly string[], other: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return other;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, other);
  return copy;
}

describe.each(Object.entries(READERS))('a %s', (name, [wire, readIt]) => {
  const maxMembers = KEEPS_MANY.test(name) ? KEYS.length : MAX_MEMBERS;
  // A member is looked at up to four times: is it there, what is it, and again to copy it.
  const shapes = [
    { shape: longList, maxLooks: MAX_LIST_LOOKS },
    { shape: wideObject, maxLooks: 4 * maxMembers + 100 },
  ];

  it('is read if it is valid', () => {
    readIt(wire);
  });

  it('with a list of a million elements, or an object with many members, anywhere in it costs nothing', () => {
    for (const path of pathsOf(wire)) {
      const here = at(wire, path);
      const [child = here] = typeof here === 'object' && here !== null ? (Object.values(here) as unknown[]) : [];
      for (const part of [child, [], {}, 0]) {
        for (const { shape, maxLooks } of shapes) {
          let looks = 0;
          let message = '';
          try {
            readIt(
              replaced(
                wire,
                path,
                shape(part, () => looks++),
              ),
            );
          } catch (error) {
            ({ message } = error as Error);
          }
          expect(looks, `${shape.name} at ${path.join('.')}`).toBeLessThanOrEqual(maxLooks);
          expect(message.length).toBeLessThan(1_000);
        }
      }
    }
  });
});
