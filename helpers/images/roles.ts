/** What an image is for. `k3s` is the cluster's node, `istioctl` runs beside it; the rest runs in pods. */
export const roles = ['k3s', 'istioctl', 'pilot', 'proxyv2', 'squid', 'curl', 'origin'] as const;
export type Role = (typeof roles)[number];

/** Roles whose images run in pods, and so travel in the archive that the node imports at its start. */
export const podRoles = ['pilot', 'proxyv2', 'squid', 'curl', 'origin'] as const satisfies readonly Role[];

export type ImageSource = 'registry' | 'source';

export interface ResolvedImage {
  readonly role: Role;
  /** What a pod's `image:` says, e.g. `docker.io/istio/pilot:1.29.1`. */
  readonly reference: string;
  readonly source: ImageSource;
  /** The engine's image ID (digest of the image's configuration), `sha256:…`. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** One image a role, and the archive that carries the pods' images into the node. */
export interface ImageSet {
  readonly source: ImageSource;
  readonly istio: string;
  readonly kubernetes: string;
  readonly images: Readonly<Record<Role, ResolvedImage>>;
  /** `docker save` of the pod roles; the file name holds the digest of the image IDs in it. */
  readonly archive: { readonly path: string; readonly digest: string; readonly sizeBytes: number };
}
