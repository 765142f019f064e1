import semver from 'semver';
import { textTable } from '../text-table.ts';
import type { ImageChoice } from '../images/mirror.ts';
import {
  endOfSupport,
  hasRecipe,
  isPublished,
  neverRun,
  resolveVersions,
  versionsFile,
  type VersionsFile,
} from '../images/versions.ts';
import { UsageError } from '../errors.ts';
import { brokenRules, fitting, resolvePair, type Strategy, type UpgradePair } from './rules.ts';

export interface LeftOut {
  readonly what: string;
  readonly reason: string;
}

/** Everything that fixtures/versions.yaml allows; newest first. */
export interface Matrix {
  readonly cells: readonly { readonly istio: string; readonly kubernetes: string }[];
  readonly pairs: readonly UpgradePair[];
  /** Supported as far as Istio goes, but these images are not to be had. */
  readonly withoutImages: readonly LeftOut[];
  readonly unsupported: readonly LeftOut[];
}

const strategies: readonly Strategy[] = ['canary', 'in-place'];

/**
 * The listed versions within these ranges, as npm understands them; an empty one takes all. A pre-release counts as what it
 * is on the way to.
 * @throws UsageError for a range that is none, and for one that no listed version is in
 */
export function within(
  { istio, k8s }: { readonly istio: string; readonly k8s: string },
  known: VersionsFile = versionsFile(),
): VersionsFile {
  return {
    ...known,
    istio: inRange('Istio', '--istio', istio, known.istio),
    kubernetes: inRange('Kubernetes', '--k8s', k8s, known.kubernetes),
  };
}

function inRange<T>(what: string, flag: string, range: string, listed: Record<string, T>): Record<string, T> {
  if (semver.validRange(range) === null) {
    throw new UsageError(`${flag} ${range} is no range of versions.`, `E.g. ${flag} '>=1.28 <1.30'`);
  }
  const chosen = Object.entries(listed).filter(([version]) =>
    semver.satisfies(version, range, { includePrerelease: true }),
  );
  if (chosen.length === 0) {
    const versions = Object.keys(listed).sort(semver.rcompare).join(', ');
    throw new UsageError(
      `No listed version of ${what} is within ${flag} ${range}.`,
      `Listed are: ${versions}`,
    );
  }
  return Object.fromEntries(chosen);
}

/**
 * The cells and upgrade pairs, derived from fixtures/versions.yaml alone.
 * @param images Where the images are to come from; `auto` is what registries have
 */
export function matrixOf(known: VersionsFile = versionsFile(), images: ImageChoice = 'registry'): Matrix {
  const available = (istio: string): boolean =>
    images === 'source' ? hasRecipe({ istio }, known) : isPublished({ istio }, known);
  const missing = (istio: string): string =>
    images === 'source'
      ? `no recipe builds Istio ${istio} from source`
      : `no registry has images of Istio ${istio}`;
  const versions = Object.keys(known.istio).sort(semver.rcompare);
  const listed = Object.keys(known.kubernetes).sort(semver.rcompare);
  const withoutImages: LeftOut[] = [];
  const unsupported: LeftOut[] = [];

  const cells = versions.flatMap((istio) =>
    listed.flatMap((kubernetes) => {
      const what = `Istio ${istio} on Kubernetes ${kubernetes}`;
      if (!fitting([istio], known).includes(kubernetes)) {
        unsupported.push({ what, reason: refusalOf({ istio, k8s: kubernetes }, known) });
        return [];
      }
      if (!available(istio)) {
        withoutImages.push({ what, reason: missing(istio) });
        return [];
      }
      return { istio, kubernetes };
    }),
  );

  const pairs = versions.flatMap((to) =>
    versions
      .filter((from) => semver.lt(from, to))
      .flatMap((from) => strategies.flatMap((strategy) => pairOf({ from, to, strategy }) ?? [])),
  );
  return { cells, pairs, withoutImages, unsupported };

  function pairOf(pair: Omit<UpgradePair, 'kubernetes'>): UpgradePair | undefined {
    const { from, to, strategy } = pair;
    const what = `${from} → ${to} ${strategy === 'canary' ? 'as a canary' : 'in place'}`;
    const broken = brokenRules({ ...pair, rollback: false }, known);
    if (broken.length > 0) {
      const reason = broken.map((rule) => `${rule.reason} (${rule.source})`).join('; ');
      unsupported.push({ what, reason });
      return undefined;
    }
    const without = [from, to].find((istio) => !available(istio));
    if (without !== undefined) {
      withoutImages.push({ what, reason: missing(without) });
      return undefined;
    }
    return resolvePair({ ...pair, rollback: false, allowUnsupported: false }, known);
  }
}

/** The matrix for people: three tables, and the reasons of what is left out. */
export function matrixPage(
  { cells, pairs, withoutImages, unsupported }: Matrix,
  known: VersionsFile = versionsFile(),
): string {
  const parts = [
    textTable(
      ['ISTIO', 'KUBERNETES', 'NOTE'],
      cells.map(({ istio, kubernetes }) => [istio, kubernetes, noteOf(istio, known)]),
    ),
    textTable(
      ['FROM', 'TO', 'STRATEGY', 'KUBERNETES'],
      pairs.map(({ from, to, strategy, kubernetes }) => [from, to, strategy, kubernetes]),
    ),
    ...leftOut('WITHOUT SUCH IMAGES', withoutImages),
    ...leftOut('NOT SUPPORTED', unsupported),
  ];
  return parts.join('\n');
}

function noteOf(istio: string, known: VersionsFile): string {
  return [endOfSupport(istio, known), neverRun(istio, known)].filter((note) => note !== undefined).join('; ');
}

function leftOut(heading: string, rows: readonly LeftOut[]): string[] {
  if (rows.length === 0) return [];
  return [
    textTable(
      [heading, 'BECAUSE'],
      rows.map(({ what, reason }) => [what, reason]),
    ),
  ];
}

/** The matrix in one line, its lists as `strategy.matrix` of GitHub Actions takes them. */
export function matrixJson({ cells, pairs, withoutImages, unsupported }: Matrix): string {
  return JSON.stringify({ cells: { include: cells }, pairs: { include: pairs }, withoutImages, unsupported });
}

/** What `run` says of this pair, so that both give one reason. */
function refusalOf(asked: { istio: string; k8s: string }, known: VersionsFile): string {
  try {
    resolveVersions(asked, known);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new TypeError(`Istio ${asked.istio} on Kubernetes ${asked.k8s} is not refused`);
}
