import { type PodFacts, readPod } from '../../../server/discovery/pod-reader.ts';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import { podObject, type StubPod } from '../../support/kube-objects.ts';

const START = Date.UTC(2026, 0, 1, 12);
export const at = (seconds: number) => START + seconds * 1000;
export const LIMITS = {
  goneRetentionMs: 300_000,
  maxPods: 100,
  maxGone: 10,
  toMonotonicMs: (wallMs: number) => wallMs,
};

export const facts = (pod: StubPod): PodFacts => readPod(podObject({ createdMs: at(-100), ip: '10.1.0.1', ...pod }));
export const stages = (store: PodStore) => store.pods().map(({ uid, lifecycle }) => `${uid} ${lifecycle}`);

/** A store after a list of these pods. */
export function storeWith(pods: readonly StubPod[], limits: Partial<ConstructorParameters<typeof PodStore>[0]> = {}) {
  const store = new PodStore({ ...LIMITS, ...limits });
  store.replaceAll(pods.map(facts), at(0));
  return store;
}
