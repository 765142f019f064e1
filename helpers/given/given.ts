import { hash } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import { clusterScoped } from '../kube/apply.ts';
import { nameOf } from '../kube/client.ts';
import type { ImageSet } from '../images/roles.ts';
import { settingsFor, type Overlay } from '../istio/install.ts';
import type { GivenResults } from '../results/given.ts';
import { placeText, type Place } from './document.ts';
import { istioConfigIn, onTopLines, onTopOf, type GivenIstio } from './istio-config.ts';
import { objectsIn, readGiven, readManifests, type GivenFile, type GivenObject } from './manifests.ts';

/** Something that a version's istioctl says of the user's configuration. */
export interface GivenProblem extends Place {
  readonly level: 'error' | 'warning';
  /** `EnvoyFilter shop/login`, or `IstioOperator` for the configuration of Istio. */
  readonly about: string;
  readonly message: string;
}

/** `mesh/filter.yaml:12: EnvoyFilter shop/login: unknown field "x"`. */
export function problemText(problem: GivenProblem): string {
  return `${placeText(problem)}: ${problem.about}: ${problem.message}`;
}

/** The configuration that a user gives for a mesh of the suite's own: of Istio, and manifests. Plain data. */
export interface Given {
  readonly istio: GivenIstio | undefined;
  /** That of the version a gate upgrades to, where it is another one. */
  readonly istioTo: GivenIstio | undefined;
  readonly objects: readonly GivenObject[];
  readonly files: readonly GivenFile[];
  /** What istioctl of the version to upgrade to says of it, and that of the version before does not. */
  readonly newProblems: readonly GivenProblem[];
}

export interface GivenPaths {
  readonly istioConfig?: string | undefined;
  readonly istioConfigTo?: string | undefined;
  readonly apply: readonly string[];
}

/**
 * Reads what the user gives; undefined where that is nothing.
 * @throws UsageError with file and line for what cannot be read, or cannot be used
 */
export async function givenAt({ istioConfig, istioConfigTo, apply }: GivenPaths): Promise<Given | undefined> {
  if (istioConfig === undefined && istioConfigTo === undefined && apply.length === 0) return undefined;
  return givenFrom({
    ...(istioConfig === undefined ? {} : { istio: await readGiven('--istio-config', istioConfig) }),
    ...(istioConfigTo === undefined ? {} : { istioTo: await readGiven('--istio-config-to', istioConfigTo) }),
    manifests: await readManifests(apply),
  });
}

/** @throws UsageError with file and line for what cannot be used */
export function givenFrom(texts: {
  readonly istio?: GivenFile;
  readonly istioTo?: GivenFile;
  readonly manifests?: readonly GivenFile[];
}): Given {
  const { istio, istioTo, manifests = [] } = texts;
  return {
    istio: istio === undefined ? undefined : istioConfigIn('--istio-config', istio),
    istioTo: istioTo === undefined ? undefined : istioConfigIn('--istio-config-to', istioTo),
    objects: objectsIn(manifests),
    files: [
      ...(istio === undefined ? [] : [istio]),
      ...(istioTo === undefined ? [] : [istioTo]),
      ...manifests,
    ],
    newProblems: [],
  };
}

/** What installs one version with the user's configuration; undefined where there is none for it. */
export function overlayOf(
  given: Given | undefined,
  base: string,
  version: 'from' | 'to',
): Overlay | undefined {
  const istio = configOf(given, version);
  return istio === undefined ? undefined : { operator: istio.operator, onTop: onTopOf(base) };
}

function configOf(given: Given | undefined, version: 'from' | 'to'): GivenIstio | undefined {
  return version === 'to' ? (given?.istioTo ?? given?.istio) : given?.istio;
}

/** Tells one configuration from another: a digest of all files' contents. */
export function fingerprintOf(given: Given | undefined): string {
  if (given === undefined) return 'none';
  return digestOf(JSON.stringify(given.files.map(({ text }) => text)));
}

function digestOf(text: string): string {
  return `sha256:${hash('sha256', text).slice(0, 12)}`;
}

/** Whether an object is the user's, or is in a namespace that the user's manifests make. */
export function belongsTo(given: Given | undefined): (object: KubernetesObject) => boolean {
  const objects = given?.objects ?? [];
  const names = new Set(objects.map(({ object }) => identity(object)));
  const namespaces = new Set(
    objects.flatMap(({ object: { kind, metadata } }) =>
      kind === 'Namespace' && metadata?.name !== 'default' ? [metadata?.name] : [],
    ),
  );
  const workloads = objects.flatMap(({ object: { kind = '', metadata } }) =>
    workloadKinds.has(kind)
      ? [{ namespace: metadata?.namespace ?? 'default', prefix: `${metadata?.name ?? ''}-` }]
      : [],
  );
  return (object) => {
    const { name = '', namespace } = object.metadata ?? {};
    if (names.has(identity(object))) return true;
    if (namespace !== undefined && namespaces.has(namespace)) return true;
    // Pods and what else is named after its workload come and go with restarts.
    return workloads.some((each) => each.namespace === namespace && name.startsWith(each.prefix));
  };
}

/** Kinds that are rolled out, and have a sidecar in each pod. */
export const workloadKinds: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

function identity({ apiVersion = '', kind = '', metadata }: KubernetesObject): string {
  const namespaced = metadata?.namespace ?? (clusterScoped.has(kind) ? '' : 'default');
  return `${apiVersion.split('/').slice(0, -1).join('/')} ${kind} ${namespaced}/${metadata?.name ?? ''}`;
}

/** `EnvoyFilter shop/login (mesh/filter.yaml:3)` of an object's name, where it is the user's; else the name. */
export function objectText(given: Given | undefined, name: string): string {
  const found = given?.objects.find(({ object }) => nameOf(object) === name);
  return found === undefined ? name : `${name} (${placeText(found)})`;
}

/** Texts of the user's Secrets, as they are and in base64: no report may have them. */
export function secretsIn(given: Given | undefined): string[] {
  return (given?.objects ?? []).flatMap(({ object }) => {
    if (object.kind !== 'Secret') return [];
    const { data = {}, stringData = {} } = object as SecretObject;
    const plain = [
      ...Object.values(stringData),
      ...Object.values(data).map((value) => Buffer.from(value, 'base64').toString('utf8')),
    ];
    return plain.flatMap((text) => [text, Buffer.from(text).toString('base64')]);
  });
}

interface SecretObject extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

/** What a run with it says of it at its start, a line each. @param onTop What the suite sets on top of it, as `path=value` */
export function givenLines(given: Given, onTop: readonly string[]): string[] {
  const configurations = [given.istio, given.istioTo].flatMap((istio) =>
    istio === undefined ? [] : [istio],
  );
  const { objects } = given;
  return [
    ...configurations.map(({ document: { file }, kind }) => `${file} (${kind})`),
    ...configurations.flatMap(({ leftOut }) => leftOut.map((line) => `  not used: ${line}`)),
    ...(configurations.length === 0 ? [] : [`  set on top: ${onTop.join(', ')}`]),
    ...(objects.length === 0
      ? []
      : [`${objects.length} ${objects.length === 1 ? 'object' : 'objects'} of manifests`]),
  ];
}

/** For the report: names and digests, no contents. */
export function givenResults(given: Given, onTop: readonly string[]): GivenResults {
  const secret = new Set(
    given.objects.filter(({ object }) => object.kind === 'Secret').map(({ file }) => file),
  );
  return {
    files: given.files.map(({ file, text }) => {
      const kind = [given.istio, given.istioTo].find((istio) => istio?.document.file === file)?.kind;
      // From a digest a short password can be guessed.
      const digest = secret.has(file) ? 'left out: it holds a Secret' : digestOf(text);
      const objects = given.objects.filter((each) => each.file === file);
      return {
        file,
        kind: kind ?? 'manifests',
        digest,
        objects: objects.map(({ object }) => nameOf(object)),
      };
    }),
    onTop: hasConfiguration(given) ? [...onTop] : [],
    leftOut: [...(given.istio?.leftOut ?? []), ...(given.istioTo?.leftOut ?? [])],
  };
}

/** What the suite sets on top of a configuration in these sets' versions, as `path=value`. @param base Its own configuration */
export function setOnTop(base: string, sets: readonly Pick<ImageSet, 'source' | 'istio'>[]): string[] {
  return [...new Set([...onTopLines(base), ...sets.flatMap(settingsFor)])];
}

function hasConfiguration({ istio, istioTo }: Given): boolean {
  return istio !== undefined || istioTo !== undefined;
}
