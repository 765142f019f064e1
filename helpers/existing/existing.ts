import type { Dress } from '../kube/dress.ts';
import type { ClientPod } from './client-pod.ts';
import type { FoundIstio } from './found-istio.ts';

/** What a run in an existing cluster keeps to; plain data. */
export interface Existing {
  /** Undefined where the run installs one. */
  readonly istio: FoundIstio | undefined;
  readonly dress: Dress;
  /** The user's pod that requests are sent from (`--client`); undefined for the suite's own client. */
  readonly client: ClientPod | undefined;
  /** Namespaces that were there before the run, made for it: they are emptied and stay. */
  readonly prepared: readonly string[];
  /** A `.dockerconfigjson` for the pods' images; never in a report. */
  readonly pullSecret: string | undefined;
}

export const pullSecretName = 'istio-external-proxy-conformance-pull';
