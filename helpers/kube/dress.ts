import type { KubernetesObject, V1Deployment, V1Pod, V1SecurityContext } from '@kubernetes/client-node';

/** What `apply` adds to every object in an existing cluster. */
export interface Dress {
  /** On each object, and on the pods of each Deployment. */
  readonly labels: Readonly<Record<string, string>>;
  /** On namespaces as well: what Istio's discovery selectors ask for. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** On namespaces that are to stay outside of the mesh, where namespaces without a label are injected. */
  readonly outsideLabels: Readonly<Record<string, string>>;
  /** On namespaces as well: the run that owns them. */
  readonly namespaceAnnotations: Readonly<Record<string, string>>;
  /** Secret of the pods' own namespaces that the kubelet pulls images with. */
  readonly pullSecret: string | undefined;
  /** The client's image: it needs no privilege, so its containers ask for none and pass Pod Security `restricted`. */
  readonly unprivilegedImage: string;
  /** On pods with the client's image. */
  readonly clientAnnotations: Readonly<Record<string, string>>;
  /** Namespace of the suite's own client in the mesh: the only one that sees the Services that are made. */
  readonly visibleTo: string;
  /** As a ServiceEntry's exportTo has it: `.`, or the namespace of the user's pod that is the client; of a gate both. */
  readonly entryVisibleTo: readonly string[];
}

/** Not istio-proxy's 1337, whose traffic is not captured. */
const anyUser = 65_532;

/** For a container that needs no privilege: Pod Security `restricted` lets it in. */
export const unprivileged = {
  runAsNonRoot: true,
  runAsUser: anyUser,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} satisfies V1SecurityContext;

/**
 * The object as it may go into a shared cluster: labelled, invisible to other namespaces of the mesh, its pods with
 * the credentials to pull their images and no more privileges than they need.
 */
export function dressed<T extends KubernetesObject>(object: T, dress: Dress): T {
  const labelled: T & { spec?: unknown } = structuredClone(object);
  labelled.metadata = { ...labelled.metadata, labels: { ...labelled.metadata?.labels, ...dress.labels } };
  switch (labelled.kind ?? '') {
    case 'Namespace':
      labelled.metadata.labels = {
        ...dress.namespaceLabels,
        ...(labelled.metadata.name === dress.visibleTo ? {} : dress.outsideLabels),
        ...labelled.metadata.labels,
      };
      labelled.metadata.annotations = { ...labelled.metadata.annotations, ...dress.namespaceAnnotations };
      break;
    case 'Service':
      labelled.metadata.annotations = {
        ...labelled.metadata.annotations,
        'networking.istio.io/exportTo': dress.visibleTo,
      };
      break;
    case 'ServiceEntry':
      labelled.spec = { ...(labelled.spec as object), exportTo: [...dress.entryVisibleTo] };
      break;
    case 'Pod':
      dressPod(labelled as V1Pod, dress);
      break;
    case 'Deployment': {
      const template = (labelled as V1Deployment).spec?.template;
      if (template !== undefined) {
        template.metadata = {
          ...template.metadata,
          labels: { ...template.metadata?.labels, ...dress.labels },
        };
        dressPod(template, dress);
      }
    }
  }
  return labelled;
}

function dressPod(pod: Pick<V1Pod, 'metadata' | 'spec'>, dress: Dress): void {
  const { pullSecret, unprivilegedImage, clientAnnotations } = dress;
  const { spec } = pod;
  if (spec === undefined) return;
  if (spec.containers.some(({ image }) => image === unprivilegedImage)) {
    pod.metadata = { ...pod.metadata, annotations: { ...pod.metadata?.annotations, ...clientAnnotations } };
  }
  if (pullSecret !== undefined) {
    spec.imagePullSecrets = [...(spec.imagePullSecrets ?? []), { name: pullSecret }];
  }
  for (const container of spec.containers) {
    if (container.image !== unprivilegedImage) continue;
    container.securityContext = { ...unprivileged, ...container.securityContext };
  }
}
