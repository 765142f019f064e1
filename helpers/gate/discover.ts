import semver from 'semver';
import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { EnvironmentError, jsonIn, messageOf } from '../errors.ts';
import { timeouts } from '../timeouts.ts';

/** The newest stable releases there are, whether fixtures/versions.yaml knows them or not. */
export interface NewestReleases {
  readonly istio: string;
  /** The day it was released, and the page that says so; undefined where GitHub does not. */
  readonly istioReleased?: { readonly on: string; readonly source: string };
  readonly kubernetes: string;
  /** Tag of the k3s image of that Kubernetes: `v1.35.4-k3s1`, as image tags allow no plus sign. */
  readonly k3sTag: string;
}

export interface DiscoverOptions {
  /** Without one GitHub answers 60 requests an hour and address. */
  readonly token?: string | undefined;
  /** Where the API is; tests have their own. */
  readonly api?: string;
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
 * Asks GitHub for the newest stable releases of istio/istio and k3s-io/k3s, through the proxy that HTTP(S)_PROXY and
 * NO_PROXY name. Newest is by version: a patch of an older line may well be the latest by date.
 * @throws EnvironmentError when GitHub does not answer, refuses, or answers something else
 */
export async function discoverNewest(options: DiscoverOptions = {}): Promise<NewestReleases> {
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: timeouts.probe } });
  try {
    const [istio, k3s] = await Promise.all([
      newestRelease('istio/istio', options, dispatcher),
      newestRelease('k3s-io/k3s', options, dispatcher),
    ]);
    return {
      istio: istio.version.version,
      ...(istio.released === undefined ? {} : { istioReleased: istio.released }),
      kubernetes: k3s.version.version,
      k3sTag: k3s.version.raw.replace('+', '-'),
    };
  } finally {
    await dispatcher.destroy();
  }
}

async function newestRelease(
  repository: string,
  { token = '', api = 'https://api.github.com' }: DiscoverOptions,
  dispatcher: Dispatcher,
): Promise<{ readonly version: semver.SemVer; readonly released?: NewestReleases['istioReleased'] }> {
  const url = `${api}/repos/${repository}/releases?per_page=50`;
  const { status, headers, text } = await get(url, token, dispatcher);
  if (status !== 200) throw refusal(url, token, status, headers);
  const listed = parseReleases(url, text);
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

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

async function get(url: string, token: string, dispatcher: Dispatcher): Promise<Got> {
  try {
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      signal: AbortSignal.timeout(timeouts.releases),
      headers: {
        accept: 'application/vnd.github+json',
        // GitHub refuses requests that do not say who asks.
        'user-agent': 'istio-external-proxy-conformance',
        'x-github-api-version': '2022-11-28',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    return { status: statusCode, headers, text: await body.text() };
  } catch (error) {
    const problem = `${url} does not answer: ${messageOf(error)}.`;
    throw new EnvironmentError(problem, 'Check the network and HTTPS_PROXY.', { cause: error });
  }
}

/** 403 and 429 are GitHub's limit where a header says so, else a refusal. */
function refusal(url: string, token: string, status: number, headers: Got['headers']): EnvironmentError {
  const limited = headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined;
  if (status === 429 || (status === 403 && limited)) {
    return new EnvironmentError(
      `GitHub limits requests (status ${status} of ${url})${againAt(headers)}.`,
      token === '' ? 'Set GITHUB_TOKEN, which has a limit of its own, or wait.' : 'Wait, and try again.',
    );
  }
  return new EnvironmentError(`${url} answered with status ${status}.`, hintFor(status, token));
}

function hintFor(status: number, token: string): string {
  if ((status === 401 || status === 403) && token !== '') {
    // Even for what is public.
    return 'The token in $GITHUB_TOKEN is not accepted: renew it, or leave it out.';
  }
  if (status >= 500) return 'GitHub has troubles: try again later.';
  return 'Either the project has moved, or the address of its API is another, or a proxy answered in its place.';
}

/** `retry-after` is in seconds from now, `x-ratelimit-reset` in seconds since 1970. */
function againAt(headers: Got['headers']): string {
  const wait = Number(headers['retry-after']);
  if (Number.isInteger(wait)) return `, again in ${wait} s`;
  const reset = new Date(Number(headers['x-ratelimit-reset']) * 1000);
  return Number.isNaN(reset.getTime()) ? '' : `, again at ${reset.toISOString()}`;
}

function parseReleases(url: string, text: string): z.infer<typeof releases> {
  const json = jsonIn(text);
  if (json === undefined) {
    throw new EnvironmentError(
      `${url} answered what is not JSON: ${text.slice(0, 80)}`,
      'Something between here and GitHub may have answered in its place, e.g. a proxy with a login page.',
    );
  }
  const checked = releases.safeParse(json);
  if (checked.success) return checked.data;
  throw new EnvironmentError(
    `${url} answered what is no list of releases: ${z.prettifyError(checked.error).split('\n')[0] ?? ''}`,
    'Look at what it answers with curl: the API may have changed.',
  );
}
