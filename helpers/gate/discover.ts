import semver from 'semver';
import { z } from 'zod';
import { parse } from 'yaml';
import { EnvironmentError, attempt, thrownAs } from '../errors.ts';
import { GitHub, type GitHubOptions } from '../github.ts';
import { minorOf, type SupportEnd } from '../images/versions.ts';

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

/** What Istio's page of supported releases is made from: a row for each minor version. */
const path = '/repos/istio/istio.io/contents/data/compatibility/supportStatus.yml';

/** What Istio says of one of its minor versions. */
export interface SupportStatus {
  /** Minor versions of Kubernetes that it is supported on. */
  readonly kubernetes: readonly string[];
  /** Undefined where the row has no date, or one that is not understood. */
  readonly ends: SupportEnd | undefined;
}

const answer = z.object({ content: z.string(), html_url: z.url() });
const rows = z.array(
  z.object({ version: z.string(), eolDate: z.string().nullish(), k8sVersions: z.array(z.string()).min(1) }),
);

/**
 * Asks for the row of a minor version. Undefined where there is none, which is so in the first days of a new one.
 * @throws EnvironmentError when GitHub does not answer, refuses, or answers something else
 */
export async function supportStatusOf(minor: string, github: GitHub): Promise<SupportStatus | undefined> {
  const { url, status, json } = await github.ask('GET', path, { accept: [404] });
  if (status === 404) return undefined;
  const unknown = thrownAs(
    EnvironmentError,
    `${url} answered what is no table of supported releases`,
    'Look at what it answers with curl: the file may have moved.',
  );
  return attempt(() => {
    const { content, html_url: source } = answer.parse(json);
    const table = rows.parse(parse(Buffer.from(content, 'base64').toString()));
    const row = table.find(({ version }) => version === minor);
    return row && { kubernetes: row.k8sVersions, ends: endIn(row.eolDate ?? '', source) };
  }, unknown);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Jul 1, 2026`, `April 7, 2026`, `~Nov 2026 (Expected)`. */
function endIn(text: string, source: string): SupportEnd | undefined {
  const [, name, day, year] = /^~?([A-Z][a-z]{2})[a-z]* (?:(\d{1,2}), )?(\d{4})\b/.exec(text) ?? [];
  const month = months.indexOf(name ?? '') + 1;
  if (month === 0 || year === undefined) return undefined;
  const parts = [year, String(month).padStart(2, '0'), ...(day === undefined ? [] : [day.padStart(2, '0')])];
  return {
    on: parts.join('-'),
    source,
    ...(/expected/i.test(text) || text.startsWith('~') ? { expected: true as const } : {}),
  };
}
