import type { KubernetesObject } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { fieldManager } from '../kube/client.ts';
import { namespaceObject, type Namespaces } from '../kube/manifests.ts';
import { ownerLabel, preparedLabel } from './ownership.ts';
import type { ClientName } from './client-name.ts';
import { permissionsOf, rulesOf, toAskIstiod, toSeeNamespaces, type Permission } from './permissions.ts';

/** Whom the manifest is for. */
export interface RbacRequest {
  readonly namespaces: Namespaces;
  /** The control plane's namespace. */
  readonly system: string;
  /** For a gate as well. */
  readonly gate?: boolean;
  /** An existing user; without it a service account is created. */
  readonly user?: string;
  /** The user's pod from which requests are sent. */
  readonly client?: ClientName | undefined;
  /** Namespace of that service account; the proxy's when not given. */
  readonly accountNamespace?: string;
}

/** Names every object of the manifest. */
export const accountName = fieldManager;

/** Pod Security that each namespace needs: istio-init changes the pod's network unless the cluster has istio-cni; Squid and nginx run as root. */
const podSecurity = { mesh: 'privileged', external: 'baseline', origin: 'baseline' } as const;

/** The namespaces, and all that a run in them may do and nothing else. */
export function rbacObjects(request: RbacRequest): KubernetesObject[] {
  const { namespaces, system, gate = false, user, client, accountNamespace = namespaces.external } = request;
  const { everywhere, own, system: inSystem, client: ofClient } = permissionsOf(namespaces, client, gate);
  const account = { kind: 'ServiceAccount', name: accountName, namespace: accountNamespace };
  const subject =
    user === undefined ? account : { kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' };
  const parts = ['mesh', 'external', 'origin'] as const;
  return [
    ...parts.map((part) => preparedNamespace(namespaces[part], podSecurity[part])),
    ...(user === undefined
      ? [
          {
            apiVersion: 'v1',
            kind: 'ServiceAccount',
            metadata: { name: account.name, namespace: account.namespace },
          },
        ]
      : []),
    ...granted('Cluster', undefined, gate ? [...everywhere, toSeeNamespaces] : everywhere, subject),
    ...parts.flatMap((part) => granted('', namespaces[part], own[part], subject)),
    ...granted('', system, gate ? [...inSystem, toAskIstiod] : inSystem, subject),
    ...(client === undefined ? [] : granted('', client.namespace, ofClient, subject)),
  ];
}

/** The same as YAML for `kubectl apply`. */
export function rbacManifest(request: RbacRequest): string {
  return rbacObjects(request)
    .map((object) => stringify(object, { lineWidth: 0 }))
    .join('---\n');
}

function preparedNamespace(name: string, security: string): KubernetesObject {
  const labels = {
    [ownerLabel]: fieldManager,
    [preparedLabel]: 'true',
    'pod-security.kubernetes.io/enforce': security,
  };
  return namespaceObject(name, labels);
}

function granted(
  scope: 'Cluster' | '',
  namespace: string | undefined,
  permissions: readonly Permission[],
  subject: object,
): KubernetesObject[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = namespace === undefined ? { name: accountName } : { name: accountName, namespace };
  const kind = `${scope}Role`;
  const role = { apiVersion, kind, metadata, rules: rulesOf(permissions) };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: accountName };
  return [role, { apiVersion, kind: `${kind}Binding`, metadata, roleRef, subjects: [subject] } as object];
}
