import { EnvironmentError } from '../../helpers/errors.ts';
import { accessLogOf } from '../../helpers/istio/access-log.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import type { PodRef } from '../../helpers/kube/exec.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import { parseSidecarLine, type ReadSidecarLine } from '../../helpers/trip/envoy.ts';

/** How the access logs of the sidecars of somebody's mesh are read: each Envoy is asked once. */
export class SidecarReaders {
  readonly #kube: Kube;
  readonly #known = new Map<string, Promise<ReadSidecarLine>>();

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  /** @throws EnvironmentError where its lines cannot testify to a request */
  async of(client: Pick<PodRef, 'namespace' | 'pod'>, via: Endpoint): Promise<ReadSidecarLine> {
    const key = `${client.namespace}/${client.pod}`;
    const asked = this.#known.get(key) ?? this.#ask(client, via);
    this.#known.set(key, asked);
    return asked;
  }

  async #ask(client: Pick<PodRef, 'namespace' | 'pod'>, via: Endpoint): Promise<ReadSidecarLine> {
    const log = await accessLogOf(this.#kube, client, via);
    if (log.kind === 'readable') return log.read;
    if (log.kind === 'off') return parseSidecarLine;
    throw new EnvironmentError(
      `The sidecar of ${client.namespace}/${client.pod} leaves no line to judge by: ${log.why}`,
      'Give the access log a format with these operators, or have it written to /dev/stdout.',
    );
  }
}
