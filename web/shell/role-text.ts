/** A valid Kubernetes namespace name. Other names are not written into a manifest. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The RBAC manifest, as YAML, that allows listing pods in `namespace` ('' = all). */
export function roleText(namespace: string): string {
  const kind = namespace === '' ? 'ClusterRole' : 'Role';
  const inNamespace = NAME.test(namespace) ? `\n  namespace: ${namespace}` : '';
  const home = NAME.test(namespace) ? namespace : 'default';
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: goldpinger${inNamespace}
rules:
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}Binding
metadata:
  name: goldpinger${inNamespace}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${kind}
  name: goldpinger
subjects:
  - kind: ServiceAccount
    name: goldpinger-serviceaccount
    namespace: ${home}
`;
}
