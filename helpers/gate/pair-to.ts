import semver from 'semver';
import { UsageError } from '../errors.ts';
import { resolveVersions, versionsFile, type VersionsFile } from '../images/versions.ts';
import { resolvePair } from './rules.ts';

/**
 * The upgrade to a version, by default the file's, from the newest listed release of the minor version before it.
 * @throws UsageError when none is listed
 */
export function pairTo(
  asked?: string,
  known: VersionsFile = versionsFile(),
): { readonly from: string; readonly to: string; readonly kubernetes: string } {
  const { istio: to } = resolveVersions({ istio: asked }, known);
  const [from] = Object.keys(known.istio)
    .filter(
      (version) =>
        semver.major(version) === semver.major(to) && semver.minor(version) === semver.minor(to) - 1,
    )
    .sort(semver.rcompare);
  if (from === undefined) {
    throw new UsageError(
      `No release of the minor version before Istio ${to} is listed.`,
      'Add one to fixtures/versions.yaml, or choose another version (--istio).',
    );
  }
  return resolvePair({ from, to, strategy: 'in-place', rollback: false, allowUnsupported: false }, known);
}
