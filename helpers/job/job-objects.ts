import type {
  KubernetesObject,
  V1ConfigMap,
  V1Job,
  V1Namespace,
  V1PodSpec,
  V1Role,
  V1RoleBinding,
} from '@kubernetes/client-node';
import { kubeObject, namespaceObject } from '../kube/manifests.ts';
import { ownerLabel } from '../existing/ownership.ts';
import { fieldManager } from '../kube/client.ts';

export interface JobRequest {
  /** The suite's own image (Dockerfile). */
  readonly image: string;
  /** Namespace of the Job, which is neither the client's nor the proxy's. */
  readonly namespace: string;
  /** ServiceAccount that the run's permissions are bound to, in that namespace. */
  readonly serviceAccount: string;
  /** ConfigMap of that namespace that the report is left in. */
  readonly report: string;
  /** PersistentVolumeClaim of that namespace that the report is written to besides. */
  readonly volume: string | undefined;
  /** Secrets of that namespace that the suite's image is pulled with. */
  readonly pullSecrets: readonly string[];
  /** Arguments of `conformance run`, without how to reach the cluster and where to put the report. */
  readonly runArguments: readonly string[];
}

export const jobName = 'conformance';

/** The image has no user of its own. */
const anyUser = 65_532;

/** A Job that runs once, and what it needs to leave its report behind. */
export function jobObjects(request: JobRequest): KubernetesObject[] {
  return [reportPlace(request), ...mayWriteReport(request), job(request)];
}

/** The Job's own namespace: its pod passes Pod Security `restricted`, and no sidecar is to be injected into it. */
export function jobNamespace(name: string): V1Namespace {
  const labels = {
    [ownerLabel]: fieldManager,
    'istio-injection': 'disabled',
    'pod-security.kubernetes.io/enforce': 'restricted',
  };
  return namespaceObject(name, labels);
}

/** There from the start, so that the run needs no permission to make ConfigMaps, but for changing this one. */
function reportPlace({ namespace, report }: JobRequest): V1ConfigMap {
  return kubeObject('ConfigMap', { name: report, namespace, labels: { [ownerLabel]: fieldManager } });
}

function mayWriteReport({ namespace, report, serviceAccount }: JobRequest): [V1Role, V1RoleBinding] {
  const metadata = { name: `${jobName}-report`, namespace, labels: { [ownerLabel]: fieldManager } };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata,
      rules: [
        { apiGroups: [''], resources: ['configmaps'], resourceNames: [report], verbs: ['get', 'patch'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    },
  ];
}

function job(request: JobRequest): V1Job {
  const { namespace } = request;
  const labels = { [ownerLabel]: fieldManager, 'app.kubernetes.io/name': jobName };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: jobName, namespace, labels },
    spec: {
      // A verdict is not tried again until it pleases.
      backoffLimit: 0,
      template: {
        // The run judges the mesh from outside it.
        metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' } },
        spec: podOf(request),
      },
    },
  };
}

function podOf(request: JobRequest): V1PodSpec {
  const { image, namespace, serviceAccount, report, volume, pullSecrets, runArguments } = request;
  return {
    serviceAccountName: serviceAccount,
    restartPolicy: 'Never',
    // Told to end, a run removes what it made first.
    terminationGracePeriodSeconds: 120,
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: anyUser,
      runAsGroup: anyUser,
      fsGroup: anyUser,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: jobName,
        image,
        args: [
          'run',
          '--in-cluster',
          '--report-dir',
          '/reports',
          '--report-config-map',
          `${namespace}/${report}`,
          ...runArguments,
        ],
        resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '2Gi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'temporary', mountPath: '/tmp' },
          { name: 'reports', mountPath: '/reports' },
        ],
      },
    ],
    volumes: [
      { name: 'temporary', emptyDir: {} },
      {
        name: 'reports',
        ...(volume === undefined ? { emptyDir: {} } : { persistentVolumeClaim: { claimName: volume } }),
      },
    ],
  };
}
