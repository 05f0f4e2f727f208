import type { ServiceObject } from '../api/objects.ts';
import { collectionPath, SERVICES } from '../api/resources.ts';
import type { ApiAccess } from '../kubeconfig.ts';
import { callJson } from './api-client.ts';

const WAIT_MS = 100;
const TRIES = 30;

/**
 * Where a Service of type LoadBalancer or NodePort can be reached from this machine, one URL a port, as `minikube
 * service --url` prints them. Waits up to 3 s for an address; rejects with an Error if there is none.
 */
export async function serviceUrls(access: ApiAccess, namespace: string, name: string): Promise<string[]> {
  const path = `${collectionPath(SERVICES, namespace)}/${encodeURIComponent(name)}`;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { spec, status } = (await callJson(access, { method: 'GET', path })) as ServiceObject;
    if (spec.type !== 'LoadBalancer' && spec.type !== 'NodePort') {
      throw new Error(`service ${name} has no address outside of the cluster: its type is ${spec.type}`);
    }
    const ingress = status?.loadBalancer?.ingress?.[0];
    if (ingress?.ip !== undefined) {
      const ports = ingress.ports ?? spec.ports ?? [];
      return ports.map(({ port }) => `http://${ingress.ip}:${port}`);
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  throw new Error(`service ${name} has no address yet`);
}
