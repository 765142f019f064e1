import semver from 'semver';
import { z } from 'zod';
import { EnvironmentError } from '../errors.ts';
import { GitHub, type GitHubOptions } from '../github.ts';
import { minorOf } from '../images/versions.ts';
import { supportStatusOf, type SupportStatus } from './support-status.ts';

/** The newest stable releases there are, whether fixtures/versions.yaml knows them or not. */
export interface NewestReleases {
  readonly istio: string;
  /** The day it was released, and the page that says so; undefined where GitHub does not. */
  readonly istioReleased?: { readonly on: string; readonly source: string };
  /** What Istio says of this minor version; undefined where it says nothing yet. */
  readonly istioSupport?: SupportStatus;
  readonly kubernetes: string;
  /** Tag of the k3s image of that Kubernetes: `v1.35.4-k3s1`, as image tags allow no plus sign. */
  readonly k3sTag: string;
}

const releases = z.array(
  z.object({
    tag_name: z.string(),
    draft: z.boolean(),
    prerelease: z.boolean(),
    published_at: z.iso.datetime().nullish(),
    html_url: z.url().nullish(),
  }),
);

/**
 * Asks GitHub for the newest stable releases of istio/istio and k3s-io/k3s, and for what Istio supports that minor version on,
 * through the proxy that HTTP(S)_PROXY and NO_PROXY name. Newest is by version: a patch of an older line may well be the
 * latest by date.
 * @throws EnvironmentError when GitHub does not answer, refuses, or answers something else
 */
export async function discoverNewest(options: GitHubOptions = {}): Promise<NewestReleases> {
  await using github = new GitHub(options);
  const [istio, k3s] = await Promise.all([
    newestRelease('istio/istio', github),
    newestRelease('k3s-io/k3s', github),
  ]);
  const istioSupport = await supportStatusOf(minorOf(istio.version.version), github);
  return {
    istio: istio.version.version,
    ...(istioSupport === undefined ? {} : { istioSupport }),
    ...(istio.released === undefined ? {} : { istioReleased: istio.released }),
    kubernetes: k3s.version.version,
    k3sTag: k3s.version.raw.replace('+', '-'),
  };
}

async function newestRelease(
  repository: string,
  github: GitHub,
): Promise<{ readonly version: semver.SemVer; readonly released?: NewestReleases['istioReleased'] }> {
  const { url, json } = await github.ask('GET', `/repos/${repository}/releases?per_page=50`);
  const checked = releases.safeParse(json);
  if (!checked.success) {
    throw new EnvironmentError(
      `${url} answered what is no list of releases: ${z.prettifyError(checked.error).split('\n')[0] ?? ''}`,
      'Look at what it answers with curl: the API may have changed.',
    );
  }
  const listed = checked.data;
  const stable = listed
    .filter(({ draft, prerelease }) => !draft && !prerelease)
    .flatMap(({ tag_name: tag, published_at: at, html_url: source }) => {
      const version = semver.parse(tag);
      // k3s publishes candidates first, and not all of them are marked as what they are.
      if (version === null || version.prerelease.length > 0) return [];
      return at == null || source == null
        ? { version }
        : { version, released: { on: at.slice(0, 10), source } };
    });
  // v1.36.2+k3s2 is newer than v1.36.2+k3s1, which plain precedence takes for the same.
  const newest = stable.sort((one, other) => semver.compareBuild(one.version, other.version)).at(-1);
  if (newest === undefined) {
    throw new EnvironmentError(
      `${url} lists no stable release among ${listed.length}.`,
      'Look at the page of the releases: the project may name them differently now.',
    );
  }
  return newest;
}
