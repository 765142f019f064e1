import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { EnvironmentError, jsonIn, messageOf } from './errors.ts';
import { timeouts } from './timeouts.ts';

export const githubApi = 'https://api.github.com';

export interface GitHubOptions {
  /** Address of the API, without a slash at the end. */
  readonly api?: string;
  /** Without one GitHub answers 60 requests an hour and address, and lets nothing be changed. */
  readonly token?: string | undefined;
}

export interface GitHubAnswer {
  readonly url: string;
  readonly status: number;
  /** Parsed; undefined where the answer has no text. */
  readonly json: unknown;
}

/** What is sent with a request. */
interface Question {
  readonly body?: unknown;
  /** Statuses besides 2xx that are an answer and no error. */
  readonly accept?: readonly number[];
}

/** GitHub's REST API, through the proxy that HTTP(S)_PROXY and NO_PROXY name. */
export class GitHub implements AsyncDisposable {
  readonly #api: string;
  readonly #token: string;
  readonly #dispatcher = new EnvHttpProxyAgent({ connect: { timeout: timeouts.probe } });

  constructor({ api = githubApi, token = '' }: GitHubOptions = {}) {
    this.#api = api.replace(/\/+$/, '');
    this.#token = token;
  }

  /**
   * One request.
   * @param path With its slash: `/repos/istio/istio/releases`
   * @throws EnvironmentError when GitHub does not answer, refuses, or answers what is not JSON
   */
  async ask(
    method: Dispatcher.HttpMethod,
    path: string,
    { body, accept = [] }: Question = {},
  ): Promise<GitHubAnswer> {
    const url = `${this.#api}${path}`;
    const { status, headers, text } = await this.#send(method, url, body);
    const good = (status >= 200 && status < 300) || accept.includes(status);
    if (!good) throw refusal(`${method} ${url}`, this.#token, status, headers);
    if (text === '') return { url, status, json: undefined };
    const json = jsonIn(text);
    if (json === undefined) {
      throw new EnvironmentError(
        `${url} answered what is not JSON: ${text.slice(0, 80)}`,
        'Something between here and GitHub may have answered in its place, e.g. a proxy with a login page.',
      );
    }
    return { url, status, json };
  }

  async #send(method: Dispatcher.HttpMethod, url: string, content: unknown): Promise<Sent> {
    try {
      const { statusCode, headers, body } = await request(url, {
        method,
        dispatcher: this.#dispatcher,
        signal: AbortSignal.timeout(timeouts.github),
        headers: {
          accept: 'application/vnd.github+json',
          // GitHub refuses requests that do not say who asks.
          'user-agent': 'istio-external-proxy-conformance',
          'x-github-api-version': '2022-11-28',
          ...(this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }),
          ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(content === undefined ? {} : { body: JSON.stringify(content) }),
      });
      return { status: statusCode, headers, text: await body.text() };
    } catch (error) {
      const problem = `${url} does not answer: ${messageOf(error)}.`;
      throw new EnvironmentError(problem, 'Check the network and HTTPS_PROXY.', { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

interface Sent {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** 403 and 429 are GitHub's limit where a header says so, else a refusal. */
function refusal(asked: string, token: string, status: number, headers: Sent['headers']): EnvironmentError {
  const limited = headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined;
  if (status === 429 || (status === 403 && limited)) {
    return new EnvironmentError(
      `GitHub limits requests (status ${status} of ${asked})${againAt(headers)}.`,
      token === '' ? 'Set GITHUB_TOKEN, which has a limit of its own, or wait.' : 'Wait, and try again.',
    );
  }
  return new EnvironmentError(`${asked} answered with status ${status}.`, hintFor(status, token));
}

function hintFor(status: number, token: string): string {
  if ((status === 401 || status === 403) && token !== '') {
    // Even for what is public.
    return 'The token in $GITHUB_TOKEN is not accepted, or may not do this: renew it, or leave it out for what is public.';
  }
  if (status >= 500) return 'GitHub has troubles: try again later.';
  return 'Either the project has moved, or the address of its API is another, or a proxy answered in its place.';
}

/** `retry-after` is in seconds from now, `x-ratelimit-reset` in seconds since 1970. */
function againAt(headers: Sent['headers']): string {
  const wait = Number(headers['retry-after']);
  if (Number.isInteger(wait)) return `, again in ${wait} s`;
  const reset = new Date(Number(headers['x-ratelimit-reset']) * 1000);
  return Number.isNaN(reset.getTime()) ? '' : `, again at ${reset.toISOString()}`;
}
