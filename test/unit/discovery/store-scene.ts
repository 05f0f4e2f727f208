import { type PodFacts, readPod } from '../../../server/discovery/pod-reader.ts';
import type { PodStore } from '../../../server/discovery/pod-store.ts';
import { podObject, type StubPod } from '../../support/kube-objects.ts';

const START = Date.UTC(2026, 0, 1, 12);
export const at = (seconds: number) => START + seconds * 1000;
export const LIMITS = { goneRetentionMs: 300_000, maxPods: 100, maxGone: 10 };

export const facts = (pod: StubPod): PodFacts => readPod(podObject({ createdMs: at(-100), ip: '10.1.0.1', ...pod }));
export const stages = (store: PodStore) => store.pods().map(({ uid, lifecycle }) => `${uid} ${lifecycle}`);
