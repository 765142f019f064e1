import type { EnvironmentCode } from '../causes/environment.ts';
import { EnvironmentError, messageOf } from '../errors.ts';
import { credentialsFor } from './credentials.ts';
import { explainDisk } from './disk.ts';
import { dockerode, engineFolder, follow, type EngineEvent } from '../engine.ts';
import { parseReference, registriesOf, registryHost, registryUrls } from './reference.ts';
import { probe, type Answer } from '../probe.ts';

export interface RegistryAnswer extends Answer {
  readonly registry: string;
}

/** Whether each registry answers at all. 401 counts too: that is how Docker Hub greets strangers. */
export async function probeRegistries(registries: readonly string[]): Promise<RegistryAnswer[]> {
  const asked = registries.flatMap((registry) => registryUrls(registry).map((url) => ({ registry, url })));
  const answers = await probe(asked);
  return registries.map((registry) => {
    const own = answers.filter((_answer, index) => asked[index]?.registry === registry);
    const best = own.find(({ status }) => status !== undefined) ?? own.at(-1);
    return { registry, ...(best ?? { status: undefined, problem: 'not asked' }) };
  });
}

/** A pull that says nothing for so long will not go on. */
const stalledMs = 120_000;

/** @throws EnvironmentError naming the registries that do not answer */
export async function registriesMustAnswer(references: readonly string[]): Promise<void> {
  const answers = await probeRegistries(registriesOf(references));
  const silent = answers.filter(({ status }) => status === undefined);
  if (silent.length === 0) return;
  throw new EnvironmentError(
    silent.map(({ registry, problem }) => `The registry ${registry} does not answer: ${problem}.`).join('\n'),
    'Check the network and HTTPS_PROXY, or build the images instead: --images source.',
    { code: 'REGISTRY_UNREACHABLE' },
  );
}

/** What a failed pull is explained by. */
export interface PullOf {
  /** The mirror that the reference is in, as it was given. */
  readonly mirror?: string | undefined;
  /** Why no credentials were sent although some are configured, e.g. that their helper is missing. */
  readonly credentials?: string | undefined;
}

/**
 * Pulls one image with the credentials that `docker login` left.
 * @throws EnvironmentError that says what a person can do about it
 */
export async function pull(
  reference: string,
  report: (detail: string) => void,
  {
    mirror,
    signal,
  }: { readonly mirror?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const docker = await dockerode();
  const { found: authconfig, problem: credentials } = await credentialsFor(
    parseReference(reference).registry,
  );
  const stalled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stalled.abort();
    }, stalledMs);
  };
  const layers = new PulledBytes();
  try {
    alive();
    const answer = await docker.pull(reference, {
      ...(authconfig === undefined ? {} : { authconfig }),
      abortSignal: signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, signal]),
    });
    await follow(answer, (event) => {
      alive();
      layers.take(event);
      report(layers.summary());
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const why = stalled.signal.aborted ? new Error(`no progress for ${stalledMs / 1000} s`) : error;
    throw explainDisk(explainPull(reference, why, { mirror, credentials }), await engineFolder());
  } finally {
    clearTimeout(timer);
  }
}

/** Adds up the layers of a pull, each of which reports for itself. */
class PulledBytes {
  private readonly layers = new Map<string, { current: number; total: number }>();

  take({ id, status, progressDetail }: EngineEvent): void {
    if (id === undefined || status !== 'Downloading') return;
    const { current = 0, total = 0 } = progressDetail ?? {};
    this.layers.set(id, { current, total });
  }

  summary(): string {
    const megabytes = (key: 'current' | 'total'): number =>
      Math.round([...this.layers.values()].reduce((sum, layer) => sum + layer[key], 0) / 1e6);
    const total = megabytes('total');
    return total === 0 ? 'asking' : `${megabytes('current')} of ${total} MB`;
  }
}

/** What the engine said about a pull, and what to do about it. */
const explanations: readonly {
  readonly pattern: RegExp;
  readonly hint: (registry: string, of: PullOf) => string;
  readonly code?: EnvironmentCode;
}[] = [
  {
    code: 'REGISTRY_LIMIT',
    pattern: /toomanyrequests|too many requests|rate limit|\b429\b/i,
    hint: (registry, { mirror }) =>
      mirror === undefined
        ? 'The registry limits pulls per address. `docker login` raises the limit; or wait, or use a mirror (--images mirror=HOST) or --images source.'
        : `The mirror ${registry}, or the registry behind it, limits pulls. Give the mirror credentials of its own for the registry behind it, \`docker login ${registry}\`, or wait.`,
  },
  {
    pattern: /unauthorized|authentication required|no basic auth credentials|denied|\b40[13]\b/i,
    hint: (registry, { credentials }) =>
      [
        `The registry wants a login: \`docker login ${registry}\`, as the user who runs this.`,
        ...(credentials === undefined ? [] : [credentials]),
        'A wrong name of an image, or an account that may not read it, can look the same.',
      ].join(' '),
  },
  {
    pattern: /manifest unknown|not found|no matching manifest|name unknown|\b404\b/i,
    hint: (registry, { mirror }) =>
      mirror === undefined
        ? 'The registry has no such image for this processor. Check the version in fixtures/versions.yaml.'
        : `${registry} has no such image for this processor. Is it copied there, or is the prefix another? What each name is a copy of: ./conformance images list --images mirror=${mirror}`,
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    hint: (registry) =>
      `${registry} speaks plain HTTP. The engine must be told so: "insecure-registries": ["${registry}"] in its daemon.json, then a restart of it.`,
  },
  {
    pattern: /x509|certificate/i,
    hint: (registry) =>
      `The engine does not trust what answered: the CA of ${registryHost(registry)}, or of the proxy that opens TLS on the way, belongs into the engine’s trust store (/etc/docker/certs.d/${registryHost(registry)}/ca.crt, or the system’s and a restart).`,
  },
  {
    code: 'REGISTRY_UNREACHABLE',
    pattern: /no such host|dial tcp|timeout|timed out|connection re|no progress|EOF|network is unreachable/i,
    hint: (registry) =>
      `The engine does not reach ${registry}. Behind a proxy the engine itself has to know it (its own HTTPS_PROXY). Or use --images source.`,
  },
];

/** The pull's failure as a person can act on it. */
export function explainPull(reference: string, error: unknown, of: PullOf = {}): EnvironmentError {
  const said = messageOf(error);
  const known = explanations.find(({ pattern }) => pattern.test(said));
  return new EnvironmentError(
    `${reference} could not be pulled: ${said}`,
    known?.hint(parseReference(reference).registry, of) ??
      `Try \`docker pull ${reference}\` by hand, or use --images source.`,
    { cause: error, code: known?.code ?? 'IMAGE_NOT_PULLED' },
  );
}
