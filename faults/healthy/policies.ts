import { eventually } from '../../helpers/eventually/eventually.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { admissionPolicy, istio, networkPolicy, root, type ManifestObject } from '../objects.ts';
import { identified } from '../fault.ts';
import type { HealthyMesh, HealthyMeshEntry } from './mesh.ts';
import { bank, shop, type HealthyRig } from './rig.ts';

/** Who may do what: of the mesh, and of the cluster. */

function kubernetes(
  [apiVersion, kind]: readonly [string, string],
  namespace: string,
  name: string,
  spec: object,
): ManifestObject {
  return { apiVersion, kind, metadata: { name, namespace }, spec };
}

const parts = ({ run }: HealthyRig): readonly string[] => [run.mesh, run.external, run.origin];

/** Room for what a run makes, by default limits where a container names none. */
function quotasIn(namespace: string): ManifestObject[] {
  return [
    kubernetes(['v1', 'ResourceQuota'], namespace, 'team', {
      hard: {
        pods: '20',
        services: '10',
        'requests.cpu': '4',
        'requests.memory': '4Gi',
        'limits.cpu': '40',
        'limits.memory': '20Gi',
      },
    }),
    kubernetes(['v1', 'LimitRange'], namespace, 'team', {
      limits: [
        {
          type: 'Container',
          // The client writes it as `default`; that one is a word of JavaScript.
          _default: { cpu: '1', memory: '512Mi' },
          defaultRequest: { cpu: '10m', memory: '32Mi' },
        },
      ],
    }),
  ];
}

/** The API server takes a moment to know a new LimitRange, without which the quota refuses every pod. */
async function defaultsMustApply(rig: HealthyRig): Promise<void> {
  const body = { metadata: { name: 'tried' }, spec: { containers: [{ name: 'tried', image: 'tried' }] } };
  for (const namespace of parts(rig)) {
    await eventually(
      `a pod to get the default limits of ${namespace}`,
      () => rig.kube.core.createNamespacedPod({ namespace, body, dryRun: 'All' }),
      { timeoutMs: timeouts.workloadReady, intervalMs: 200 },
    );
  }
}

const dns = {
  ports: [
    { port: 53, protocol: 'UDP' },
    { port: 53, protocol: 'TCP' },
  ],
};

/** Nothing may come in or go out but what the document needs. */
function networkPoliciesFor({ run, edition }: HealthyRig): ManifestObject[] {
  const policy = (namespace: string, name: string, spec: object): ManifestObject =>
    networkPolicy(namespace, name, { podSelector: {}, ...spec });
  const from = (...names: readonly string[]): object[] =>
    names.map((name) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }));
  const { port } = edition.proxy;
  return [
    ...[run.mesh, run.external].map((namespace) =>
      policy(namespace, 'deny-all', { policyTypes: ['Ingress', 'Egress'] }),
    ),
    policy(run.mesh, 'to-istiod-and-proxy', {
      policyTypes: ['Egress'],
      egress: [dns, { to: from(root) }, { to: from(run.external), ports: [{ port }] }],
    }),
    policy(run.external, 'proxy', {
      policyTypes: ['Ingress', 'Egress'],
      // The client writes it as `from`.
      ingress: [{ _from: from(run.mesh, run.external) }],
      egress: [dns, { to: from(run.external, run.origin) }],
    }),
  ];
}

export const policyMeshes: readonly HealthyMesh[] = identified<HealthyMeshEntry>({
  'MTLS-STRICT': {
    title: 'PeerAuthentication STRICT for the whole mesh',
    objects: () => [istio('security', 'PeerAuthentication', root, 'default', { mtls: { mode: 'STRICT' } })],
  },
  'AUTHORIZATION-ALLOWS': {
    title: 'An AuthorizationPolicy of the whole mesh that allows what comes from the mesh',
    objects: () => [
      istio('security', 'AuthorizationPolicy', root, 'from-the-mesh', {
        action: 'ALLOW',
        rules: [{ from: [{ source: { principals: ['*'] } }] }],
      }),
    ],
  },
  'AUTHORIZATION-DENIES-ELSEWHERE': {
    title: 'A default-deny AuthorizationPolicy in other namespaces',
    objects: () =>
      [shop, bank].map((namespace) => istio('security', 'AuthorizationPolicy', namespace, 'deny-all', {})),
  },
  'REQUEST-AUTHENTICATION': {
    title: 'RequestAuthentication in another namespace',
    objects: () => [
      istio('security', 'RequestAuthentication', shop, 'tokens', {
        jwtRules: [{ issuer: 'https://login.example.com', jwks: '{"keys":[]}' }],
      }),
    ],
  },
  'EVERY-NAMESPACE': {
    title: 'Each namespace gets a Sidecar with REGISTRY_ONLY, mutual TLS and a default-deny, the run’s too',
    objects: ({ run }) => [
      istio('networking', 'Sidecar', run.mesh, 'default', {
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
        egress: [{ hosts: ['./*', 'istio-system/*'] }],
      }),
      istio('security', 'PeerAuthentication', run.mesh, 'default', { mtls: { mode: 'STRICT' } }),
      istio('security', 'AuthorizationPolicy', run.mesh, 'deny-all', {}),
    ],
  },
  QUOTAS: {
    title: 'The run’s namespaces have ResourceQuota and LimitRange',
    objects: (rig) => parts(rig).flatMap(quotasIn),
    inject: defaultsMustApply,
  },
  'DISRUPTION-BUDGETS': {
    title: 'The run’s namespaces have PodDisruptionBudgets for every pod',
    objects: (rig) =>
      parts(rig).map((namespace) =>
        kubernetes(['policy/v1', 'PodDisruptionBudget'], namespace, 'everything', {
          minAvailable: 1,
          selector: {},
        }),
      ),
  },
  'NETWORK-POLICIES': {
    title: 'The run’s namespaces have NetworkPolicies that deny all but what the document needs',
    objects: networkPoliciesFor,
  },
  'ADMISSION-POLICY': {
    title: 'A ValidatingAdmissionPolicy: no ServiceEntry may be for every host',
    objects: () =>
      admissionPolicy('no-wildcards', 'networking.istio.io/serviceentries', ['CREATE', 'UPDATE'], {
        expression: "object.spec.hosts.all(host, host != '*')",
      }),
  },
});
