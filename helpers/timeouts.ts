/**
 * Every time limit of the suite, in milliseconds, in one place.
 * A limit is the point at which waiting longer cannot help, not the time a step should take.
 */
const limits = {
  /** Start of the cluster's container until it says it is ready; importing images included. */
  clusterReady: 240_000,
  /** What istioctl gives a control plane to become ready. */
  istioReady: 150_000,
  /** `istioctl install` with its own wait. */
  istioInstall: 300_000,
  /** Any other call of istioctl. */
  istioctl: 60_000,
  /** A Deployment has rolled out; images may still be pulled where the archive does not hold them. */
  workloadReady: 180_000,
  /** The pods of many clients are ready: fifty sidecars start on two cores. */
  clientsReady: 420_000,
  /** Pods that are refused (a webhook, a quota), from the first refusal on. */
  refusal: 30_000,
  /** A sidecar that cannot reach istiod, or rejects what it sends, from its first complaint on. */
  sidecarRefusal: 15_000,
  /** An image of a pod that cannot be pulled, from the first failure on: the kubelet has tried again by then. */
  imagePull: 20_000,
  /** An object is gone after its deletion. Squid takes 30 s to leave (its shutdown_lifetime). */
  deletion: 120_000,
  /** An object whose deletion a finalizer holds back: whoever serves that finalizer has done it by then. */
  finalizer: 10_000,
  /** The sidecar has taken a configuration that the API server accepted. */
  configPush: 20_000,
  /** A sidecar has found the new control plane after an upgrade; it tries again with growing pauses. */
  controlPlaneSwitch: 60_000,
  /** A user's own upgrade, by their command, pipeline or hand. */
  upgrade: 3_600_000,
  /** After a signal, what a user's command has to end, before it gets a harder one. */
  commandEnd: 30_000,
  /** One request of the client, as curl's --max-time. */
  request: 30_000,
  /** Lines of all witnesses are there after the request ended. Envoy flushes within 1 s. */
  statements: 10_000,
  /** One answer of the API server, a long list's included. */
  apiCall: 30_000,
  /** One command in a pod. */
  exec: 45_000,
  /** The registries or the live destination answer at all, when `auto` has to choose. */
  probe: 5_000,
  /** The engine says what it is. */
  doctor: 15_000,
  /** One check of the doctor; the slowest asks registries, then starts a container. */
  doctorCheck: 30_000,
  /** Whatever opens a page in the system's browser has failed by then, if it fails. */
  openPage: 3_000,
  /** One answer of GitHub's API. */
  github: 30_000,
  /** What the cluster's state adds to a failure: asked after it, and never at its expense. */
  explain: 15_000,
  /** A whole step. Its waits have limits of their own, that name what they wait for; this one ends a step that hangs. */
  step: 720_000,
  /** The evidence of a failed step is collected; what has not come by then is left out. */
  evidence: 60_000,
  /** Removal of the run's containers and network. */
  cleanUp: 60_000,
  /** After a signal, until a run in an existing cluster has ended its step and removed what it made. */
  interrupted: 240_000,
  /** Removal of what a run made in an existing cluster: namespaces, and an Istio that it installed. */
  removal: 300_000,
} as const;

const scaled: Record<keyof typeof limits, number> = { ...limits };

/** The limits as they count in this thread; read when a wait begins. */
export const timeouts: Readonly<typeof scaled> = scaled;

/** Multiplies every limit: --timeout-scale, on a machine that is slower than these were made for. */
export function scaleTimeouts(factor: number): void {
  for (const name of Object.keys(limits) as (keyof typeof limits)[]) {
    scaled[name] = Math.round(limits[name] * factor);
  }
}
