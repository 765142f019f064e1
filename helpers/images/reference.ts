/** An image reference in parts: `docker.io/istio/pilot:1.29.1`. */
export interface Reference {
  /** e.g. `docker.io`, `registry.istio.io`, `localhost:5000`. */
  readonly registry: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly version: string;
}

/** Reads a reference as Docker does: without a registry it is Docker Hub's, without a tag `latest`. */
export function parseReference(reference: string): Reference {
  const [first = '', ...rest] = reference.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = named ? first : 'docker.io';
  const path = named ? rest.join('/') : reference;
  const [, name = path, digest] = /^(.*)@(sha256:[0-9a-f]+)$/.exec(path) ?? [];
  const [, repository = name, tag = 'latest'] = /^(.*):([^/:]+)$/.exec(name) ?? [];
  return {
    registry,
    repository: registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository,
    version: digest ?? tag,
  };
}

/** Host that answers a registry's API: Docker Hub's differs from its name. */
export function registryHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry;
}

/**
 * Where a registry may answer. On this machine's loopback it may speak plain HTTP: engines take it there without
 * being told that it is insecure.
 */
export function registryUrls(registry: string): string[] {
  const path = `//${registryHost(registry)}/v2/`;
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(registry);
  return loopback ? [`https:${path}`, `http:${path}`] : [`https:${path}`];
}

/** The registries that references name, each once. */
export function registriesOf(references: readonly string[]): string[] {
  return [...new Set(references.map((reference) => parseReference(reference).registry))];
}
