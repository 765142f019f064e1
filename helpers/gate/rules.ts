import semver from 'semver';
import { UsageError } from '../errors.ts';
import type { ImageSource } from '../images/roles.ts';
import { listed, minorOf, versionsFile, type VersionsFile } from '../images/versions.ts';

export type Strategy = 'canary' | 'in-place';

/** Versions of an upgrade as fixtures/versions.yaml names them; all three are listed there. */
export interface UpgradePair {
  readonly from: string;
  readonly to: string;
  readonly kubernetes: string;
  readonly strategy: Strategy;
}

/** What a gate is asked for. */
export interface PairRequest {
  readonly from: string;
  readonly to: string;
  readonly strategy: Strategy;
  /** Version of Kubernetes; chosen where it is not given. */
  readonly k8s?: string;
  /** Back to `from` after the first namespace. */
  readonly rollback: boolean;
  /** Lifts what Istio calls unsupported; not what makes no sense. */
  readonly allowUnsupported: boolean;
}

export interface BrokenRule {
  /** The rule, and how the pair breaks it, in a sentence. */
  readonly reason: string;
  /** Where Istio says so. */
  readonly source: string;
  readonly hint: string;
  /** Whether `--allow-unsupported` lifts it. */
  readonly liftable: boolean;
}

const documents = {
  canary: 'https://istio.io/latest/docs/setup/upgrade/canary/#before-you-upgrade',
  inPlace: 'https://istio.io/latest/docs/setup/upgrade/in-place/#upgrade-prerequisites',
  downgrade: 'https://istio.io/latest/docs/setup/upgrade/in-place/#downgrade-prerequisites',
  rollback: 'https://istio.io/latest/docs/setup/upgrade/canary/#uninstall-canary-control-plane',
  upgrade: 'https://istio.io/latest/docs/setup/upgrade/',
} as const;

/** How many minors an upgrade may go at once, and where that is said. */
const reach: Readonly<Record<Strategy, { readonly minors: number; readonly rule: string; source: string }>> =
  {
    'in-place': {
      minors: 1,
      rule: 'In place, an upgrade goes one minor version at a time',
      source: documents.inPlace,
    },
    canary: {
      minors: 2,
      rule: 'By revision (canary), an upgrade goes two minor versions at most',
      source: documents.canary,
    },
  };

/**
 * Every rule that the pair breaks; empty when Istio supports it. What lifts them is not looked at here.
 * @throws UsageError for a version that is not listed: nothing is known of it
 */
export function brokenRules(
  request: Omit<PairRequest, 'allowUnsupported'>,
  known: VersionsFile = versionsFile(),
): readonly BrokenRule[] {
  const { from, to, strategy, k8s, rollback } = listedPair(request, known);
  const broken: BrokenRule[] = [];
  if (from === to) {
    broken.push({
      reason: `--from and --to are both ${from}: nothing would be upgraded`,
      source: documents.upgrade,
      hint: 'Name two versions. One version alone is proved by ./conformance run --istio.',
      liftable: false,
    });
  } else if (semver.lt(to, from) && !rollback) {
    broken.push({
      reason: `${to} is older than ${from}: this would be a downgrade`,
      source: documents.downgrade,
      hint: `Going back is rehearsed by --from ${to} --to ${from} --rollback.`,
      liftable: false,
    });
  }
  if (rollback && strategy === 'in-place') {
    broken.push({
      reason:
        '--rollback goes back after the first namespace of a canary; in place there is no control plane to go back to',
      source: documents.rollback,
      hint: 'Leave out --strategy in-place, or --rollback.',
      liftable: false,
    });
  }
  const { minors, rule, source } = reach[strategy];
  const distance = minorsBetween(from, to);
  if (distance > minors) {
    broken.push({
      reason: `${rule}; ${from} and ${to} are ${Number.isFinite(distance) ? `${distance} minor versions` : 'major versions'} apart`,
      source,
      hint: wayBetween(from, to, minors, known),
      liftable: true,
    });
  }
  return [...broken, ...brokenBySupport({ from, to, k8s }, known)];
}

/**
 * The pair that was asked for, with the Kubernetes that both its ends run on: the one asked for, else the default where
 * both support it, else the newest that both support; with `allowUnsupported`, failing that, the newest for `to`.
 * @throws UsageError with every broken rule and its source, and for versions that are not listed
 */
export function resolvePair(request: PairRequest, known: VersionsFile = versionsFile()): UpgradePair {
  const broken = brokenRules(request, known).filter(
    ({ liftable }) => !(liftable && request.allowUnsupported),
  );
  const [first] = broken;
  if (first !== undefined) {
    const lift = broken.every(({ liftable }) => liftable)
      ? ['Or try it all the same: --allow-unsupported. A verdict then says nothing that Istio promises.']
      : [];
    throw new UsageError(
      broken.map(({ reason, source: where }) => `${reason} (${where}).`).join('\n'),
      [...new Set(broken.map(({ hint }) => hint)), ...lift].join('\n'),
    );
  }
  const { from, to, strategy, k8s } = listedPair(request, known);
  const kubernetes =
    k8s ?? preferred(fitting([from, to], known), known) ?? fitting([to], known)[0] ?? fitting([], known)[0];
  if (kubernetes === undefined) {
    throw new UsageError('fixtures/versions.yaml lists no Kubernetes.', 'Add one to the file.');
  }
  return { from, to, kubernetes, strategy };
}

/** Versions of Kubernetes that are listed and that all of these versions of Istio support, newest first. */
export function fitting(istio: readonly string[], known: VersionsFile): string[] {
  return Object.keys(known.kubernetes)
    .filter((candidate) => istio.every((version) => supports(version, candidate, known)))
    .sort(semver.rcompare);
}

/** Whether Istio supports this release of its on that Kubernetes, as fixtures/versions.yaml has it. */
export function supports(istio: string, kubernetes: string, known: VersionsFile): boolean {
  return known.istio[istio]?.kubernetes.includes(minorOf(kubernetes)) === true;
}

function brokenBySupport(
  { from, to, k8s }: { readonly from: string; readonly to: string; readonly k8s: string | undefined },
  known: VersionsFile,
): BrokenRule[] {
  const both = fitting([from, to], known);
  const hint =
    both.length === 0
      ? 'Choose versions of Istio that share a Kubernetes.'
      : `Kubernetes that both support: ${both.join(', ')} (--k8s).`;
  if (k8s !== undefined) {
    return [...new Set([from, to])]
      .filter((istio) => !supports(istio, k8s, known))
      .map((istio) => ({
        reason: `Istio ${istio} does not support Kubernetes ${k8s}: it supports ${rangeOf(istio, known)}`,
        source: sourceOf(istio, known),
        hint,
        liftable: true,
      }));
  }
  if (both.length > 0) return [];
  return [
    {
      reason: `No listed version of Kubernetes fits both Istio ${from} (${rangeOf(from, known)}) and ${to} (${rangeOf(to, known)})`,
      source: sourceOf(to, known),
      hint,
      liftable: true,
    },
  ];
}

/** The request with its versions as the file names them. @throws UsageError with the nearest and the whole list */
function listedPair<T extends Pick<PairRequest, 'from' | 'to' | 'k8s'>>(
  request: T,
  known: VersionsFile,
): T & { readonly k8s: string | undefined } {
  const istio = Object.keys(known.istio);
  return {
    ...request,
    from: listed('Istio', request.from, istio),
    to: listed('Istio', request.to, istio),
    k8s:
      request.k8s === undefined
        ? undefined
        : listed('Kubernetes', request.k8s, Object.keys(known.kubernetes)),
  };
}

/** Steps that are short enough, where listed versions make such a way. */
function wayBetween(from: string, to: string, minors: number, known: VersionsFile): string {
  const between = Object.keys(known.istio)
    .filter((version) => semver.gt(version, from) && semver.lt(version, to))
    .filter((version) => minorsBetween(from, version) <= minors && minorsBetween(version, to) <= minors)
    .sort(semver.rcompare);
  const [step] = between;
  if (step !== undefined) return `Go by way of ${step}: --from ${from} --to ${step}, then on to ${to}.`;
  return minors === 1 && minorsBetween(from, to) <= reach.canary.minors
    ? 'A canary may go two minor versions: --strategy canary.'
    : 'Go by way of a version between them.';
}

/** Infinite where the major versions differ. */
function minorsBetween(from: string, to: string): number {
  return semver.major(from) === semver.major(to)
    ? Math.abs(semver.minor(to) - semver.minor(from))
    : Number.POSITIVE_INFINITY;
}

/** The default if it is among them, else the first: they come newest first. */
function preferred(candidates: readonly string[], known: VersionsFile): string | undefined {
  return candidates.includes(known.default.kubernetes) ? known.default.kubernetes : candidates[0];
}

function rangeOf(istio: string, known: VersionsFile): string {
  return known.istio[istio]?.kubernetes.join(', ') ?? '';
}

function sourceOf(istio: string, known: VersionsFile): string {
  return known.istio[istio]?.support ?? documents.upgrade;
}

/**
 * The upgrade to a version, from the newest listed release of the minor version before it whose images come from where its own do.
 * @throws UsageError when none is listed
 */
export function pairTo(
  to: string,
  source: ImageSource,
  known: VersionsFile = versionsFile(),
): { readonly from: string; readonly to: string; readonly kubernetes: string } {
  const [from] = Object.entries(known.istio)
    .filter(([, entry]) => (source === 'source' ? entry.source : entry.registry) !== undefined)
    .map(([version]) => version)
    .filter(
      (version) =>
        semver.major(version) === semver.major(to) && semver.minor(version) === semver.minor(to) - 1,
    )
    .sort(semver.rcompare);
  if (from === undefined) {
    throw new UsageError(
      `No release of the minor version before Istio ${to} is listed whose images come from ${source === 'source' ? 'a build' : 'a registry'}.`,
      'Add one to fixtures/versions.yaml, or choose another version (--istio).',
    );
  }
  return resolvePair({ from, to, strategy: 'in-place', rollback: false, allowUnsupported: false }, known);
}
