import { parse, stringify } from 'yaml';
import { UsageError } from '../errors.ts';
import { istioSystem } from '../istio/revision.ts';
import { documentsIn, placeOf, placeText, valueOf, type GivenDocument, type Place } from './document.ts';
import type { GivenFile } from './manifests.ts';

/** A configuration of Istio that the user gives, checked against what the suite needs; plain data. */
export interface GivenIstio {
  readonly document: GivenDocument;
  readonly kind: 'IstioOperator' | 'Helm values of istiod';
  /** The same as an IstioOperator, for istioctl. */
  readonly operator: string;
  /** What of it is not used, a line each. */
  readonly leftOut: readonly string[];
}

type Path = readonly string[];

/** What a configuration may not say, by its path below `spec` of an IstioOperator. */
interface Contradiction {
  readonly path: Path;
  /** Whether the value is one that the suite can do with. */
  readonly allowed?: (value: unknown) => boolean;
  /** Why not; after `PATH is VALUE: `. */
  readonly why: string;
  readonly hint: string;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);
const is =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    isEmpty(value) || values.includes(value);

const log = {
  why: 'the sidecar’s line in its own log, in Istio’s default format, is a witness of every request',
  hint: 'Leave it out: the suite sets it.',
};
const image = {
  why: 'the images of a run come from its image set',
  hint: 'Leave it out. --images mirror=HOST/PREFIX or registry says where images come from, --istio (or --from and --to) which version.',
};
const revision = {
  why: 'the suite names the revisions itself',
  hint: 'Leave it out: a run installs the default revision, a canary one named after the new version.',
};
const namespace = {
  why: `the suite looks for the control plane in ${istioSystem}`,
  hint: 'Leave it out.',
};
const notInSet = {
  why: 'it is part of neither the document nor the image set',
  hint: 'Leave it out: the document’s mesh has sidecars, and nothing but istiod beside them.',
};

const contradictions: readonly Contradiction[] = [
  {
    path: ['profile'],
    allowed: is('minimal', 'default'),
    why: 'the document needs a mesh with sidecars, and nothing but istiod beside them',
    hint: 'Use minimal or default (of which the gateways are left out), or leave it out.',
  },
  { path: ['revision'], ...revision },
  { path: ['values', 'revision'], ...revision },
  { path: ['values', 'revisionTags'], ...revision },
  { path: ['namespace'], allowed: is(istioSystem), ...namespace },
  { path: ['values', 'global', 'istioNamespace'], allowed: is(istioSystem), ...namespace },
  ...[
    ['hub'],
    ['tag'],
    ['values', 'hub'],
    ['values', 'tag'],
    ['values', 'global', 'hub'],
    ['values', 'global', 'tag'],
    ['values', 'global', 'variant'],
    ['values', 'pilot', 'hub'],
    ['values', 'pilot', 'tag'],
    ['values', 'pilot', 'variant'],
    ['values', 'pilot', 'image'],
    ['values', 'global', 'proxy', 'image'],
    ['values', 'global', 'proxy_init', 'image'],
  ].map((path) => ({ path, ...image })),
  { path: ['meshConfig', 'accessLogFile'], allowed: (value) => value === '/dev/stdout', ...log },
  { path: ['meshConfig', 'accessLogEncoding'], allowed: is('TEXT'), ...log },
  { path: ['meshConfig', 'accessLogFormat'], ...log },
  { path: ['meshConfig', 'defaultProviders', 'accessLogging'], allowed: isEmptyOrEnvoy, ...log },
  {
    path: ['meshConfig', 'discoverySelectors'],
    why: 'the namespaces of the document and of the suite carry no labels of yours, so istiod would not see them',
    hint: 'Leave it out.',
  },
  {
    path: ['values', 'sidecarInjectorWebhook', 'enableNamespacesByDefault'],
    why: 'the proxy’s namespace has no label, and must stay outside of the mesh',
    hint: 'Leave it out: the document labels the namespaces that get sidecars.',
  },
  { path: ['components', 'cni', 'enabled'], ...notInSet },
  { path: ['components', 'ztunnel', 'enabled'], ...notInSet },
  { path: ['values', 'pilot', 'cni', 'enabled'], ...notInSet },
  {
    path: ['installPackagePath'],
    why: 'the charts are those of the version under test',
    hint: 'Leave it out.',
  },
];

function isEmptyOrEnvoy(value: unknown): boolean {
  return isEmpty(value) || (Array.isArray(value) && value.every((each) => each === 'envoy'));
}

/** What is not used of a configuration, and why. */
const leftOut: readonly { readonly path: Path; readonly why: string }[] = [
  { path: ['components', 'ingressGateways'], why: 'the document has no gateway' },
  { path: ['components', 'egressGateways'], why: 'the document has no gateway' },
];

/** What the suite's own configuration (fixtures/istio.yaml) says and no other may change, below `spec`. */
const onTop: readonly Path[] = [
  ['profile'],
  ['meshConfig', 'accessLogFile'],
  ['meshConfig', 'accessLogEncoding'],
  ['values', 'pilot', 'image'],
  ['values', 'global', 'proxy', 'image'],
  ['values', 'global', 'proxy_init', 'image'],
  ['values', 'sidecarInjectorWebhook', 'enableNamespacesByDefault'],
];

/** Keys of istiod's values that istioctl knows at the top of `values`; what else the chart has there is `values.pilot` to it. */
const shared = new Set([
  ...['base', 'cni', 'compatibilityVersion', 'defaultRevision', 'experimental', 'gatewayClasses', 'gateways'],
  ...['global', 'istiodRemote', 'meshConfig', 'ownerName', 'pilot', 'profile', 'revision', 'revisionTags'],
  ...['sidecarInjectorWebhook', 'telemetry', 'ztunnel'],
]);

/**
 * Reads a configuration of Istio: an IstioOperator, or Helm values of istiod; its content tells which.
 * @param flag The flag that gives it, for messages
 * @throws UsageError with file and line for what it cannot be, and for what contradicts the suite's own settings
 */
export function istioConfigIn(flag: string, { file, text }: GivenFile): GivenIstio {
  const [document, another] = documentsIn(text, file);
  if (document === undefined) {
    throw new UsageError(`${flag} ${file}: the file is empty`, what);
  }
  const value = valueOf(document);
  if (!isMap(value))
    throw new UsageError(`${placeText(document)}: this is neither an IstioOperator nor Helm values`, what);
  const kind = kindOf(flag, document, value);
  if (another !== undefined) {
    throw new UsageError(`${placeText(another)}: ${flag} takes one document, and this is a second one`, what);
  }
  if (kind === 'IstioOperator' && value['spec'] !== undefined && !isMap(value['spec'])) {
    throw new UsageError(`${placeText(document)}: spec is no mapping`, what);
  }
  const spec = kind === 'IstioOperator' ? ((value['spec'] ?? {}) as Map) : specOf(value);
  mustNotContradict(document, kind, value);
  const out: string[] = [];
  const kept = leftOut.reduce((rest, { path, why }) => {
    if (valueAt(rest, path) === undefined) return rest;
    out.push(`${placeText(placeIn(document, kind, path) ?? document)} ${path.join('.')}: ${why}`);
    return without(rest, path);
  }, spec);
  return { document, kind, operator: stringify(operatorOf(kept)), leftOut: out };
}

const what = 'It takes an IstioOperator (kind: IstioOperator), or the values of Helm chart istiod.';

function kindOf(flag: string, document: GivenDocument, value: Map): GivenIstio['kind'] {
  if (value['kind'] === 'IstioOperator') return 'IstioOperator';
  if (value['kind'] === undefined && value['apiVersion'] === undefined && value['spec'] === undefined) {
    return 'Helm values of istiod';
  }
  const kind =
    typeof value['kind'] === 'string' ? `a ${value['kind']}` : 'neither an IstioOperator nor Helm values';
  throw new UsageError(
    `${placeText(document)}: this is ${kind}`,
    `${what} Manifests are applied by --apply PATH; ${flag} is the configuration of Istio itself.`,
  );
}

/** Helm values of istiod as `spec` of an IstioOperator. */
function specOf(values: Map): Map {
  const { meshConfig, profile, ...rest } = values;
  const entries = Object.entries(rest);
  const pilot = {
    ...(isMap(rest['pilot']) ? rest['pilot'] : {}),
    ...pick(entries, (key) => !shared.has(key)),
  };
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(meshConfig === undefined ? {} : { meshConfig }),
    values: { ...pick(entries, (key) => shared.has(key)), ...(isEmpty(pilot) ? {} : { pilot }) },
  };
}

function pick(entries: readonly [string, unknown][], wanted: (key: string) => boolean): Map {
  return Object.fromEntries(entries.filter(([key]) => wanted(key)));
}

/** Where a file of this kind may have what a path below `spec` means. */
function pathsIn(kind: GivenIstio['kind'], path: Path): Path[] {
  const [top, second] = path;
  if (kind === 'IstioOperator') {
    return [['spec', ...path], ...(top === 'meshConfig' ? [['spec', 'values', ...path]] : [])];
  }
  if (top === 'profile') return [path, ['global', 'profile']];
  if (top === 'meshConfig') return [path];
  if (top !== 'values') return [];
  return [path.slice(1), ...(second === 'pilot' ? [path.slice(2)] : [])];
}

function placeIn(document: GivenDocument, kind: GivenIstio['kind'], path: Path): Place | undefined {
  for (const each of pathsIn(kind, path)) {
    const place = placeOf(document, each);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** @throws UsageError that names every contradiction, by file, line and path */
function mustNotContradict(document: GivenDocument, kind: GivenIstio['kind'], value: Map): void {
  const found = contradictions.flatMap(({ path, allowed = isEmpty, why, hint }) =>
    pathsIn(kind, path).flatMap((where) => {
      const said = valueAt(value, where);
      if (said === undefined || allowed(said)) return [];
      const place = placeText(placeOf(document, where) ?? document);
      return [{ message: `${place}: ${where.join('.')} is ${JSON.stringify(said)}: ${why}`, hint }];
    }),
  );
  if (kind === 'IstioOperator') {
    const where = ['metadata', 'namespace'];
    const said = valueAt(value, where);
    if (said !== undefined && said !== istioSystem) {
      const place = placeText(placeOf(document, where) ?? document);
      found.push({
        message: `${place}: metadata.namespace is ${JSON.stringify(said)}: ${namespace.why}`,
        hint: namespace.hint,
      });
    }
  }
  if (found.length === 0) return;
  const hints = [...new Set(found.map(({ hint }) => hint))];
  throw new UsageError([...new Set(found.map(({ message }) => message))].join('\n'), hints.join('\n'));
}

/**
 * What the suite sets on top of a given configuration, as an IstioOperator.
 * @param base The suite's own, as an IstioOperator
 */
export function onTopOf(base: string): string {
  const { spec = {} } = parse(base) as { readonly spec?: Map };
  const top: Record<string, unknown> = {};
  for (const path of onTop) {
    const value = valueAt(spec, path);
    if (value !== undefined) put(top, path, value);
  }
  return stringify(operatorOf(top));
}

/** The same, a line each: `meshConfig.accessLogFile=/dev/stdout`. */
export function onTopLines(base: string): string[] {
  const { spec = {} } = parse(base) as { readonly spec?: Map };
  return onTop.flatMap((path) => {
    const value = valueAt(spec, path);
    if (value === undefined) return [];
    const isImage = typeof value === 'string' && value.startsWith('${');
    return [`${path.join('.')}=${isImage ? '(of the image set)' : JSON.stringify(value)}`];
  });
}

function operatorOf(spec: unknown): unknown {
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: { name: 'conformance', namespace: istioSystem },
    spec,
  };
}

type Map = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => (isMap(inner) ? inner[key] : undefined), value);
}

function without(value: Map, [key = '', ...rest]: Path): Map {
  const { [key]: inner, ...others } = value;
  return rest.length === 0 || !isMap(inner) ? others : { ...others, [key]: without(inner, rest) };
}

function put(target: Record<string, unknown>, path: Path, value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = (target[key] ?? {}) as Record<string, unknown>;
  target[key] = inner;
  put(inner, rest, value);
}
