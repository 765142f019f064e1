import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** An issue as the server holds it. */
export interface StoredIssue {
  readonly number: number;
  readonly title: string;
  readonly labels: readonly string[];
  readonly comments: string[];
  body: string;
  state: 'open' | 'closed';
}

interface Reply {
  readonly status: number;
  readonly json?: unknown;
}

const created = z.object({ title: z.string(), body: z.string().max(65_536), labels: z.array(z.string()) });
const changed = z.object({ body: z.string().max(65_536), state: z.enum(['open', 'closed']) }).partial();
const comment = z.object({ body: z.string().min(1).max(65_536) });

/**
 * A server on this machine that speaks the few calls of GitHub's REST API that the workflows make: issues, labels and
 * comments of one repository, for whoever has its token, and the releases of others. It refuses what GitHub refuses.
 */
export class GitHubApi implements AsyncDisposable {
  static readonly repository = 'example/conformance';
  static readonly token = 'a-token-that-may-write-issues';
  readonly issues: StoredIssue[] = [];
  readonly labels = new Set<string>();
  /** `POST /repos/…`, in order. */
  readonly calls: string[] = [];
  /** Tags by repository, as its releases. */
  readonly releases: Readonly<Record<string, readonly string[]>>;
  readonly #server: Server;

  private constructor(releases: Readonly<Record<string, readonly string[]>>) {
    this.releases = releases;
    this.#server = createServer((message, response) => {
      this.#answer(message).then(
        ({ status, json }) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(json === undefined ? '' : JSON.stringify(json));
        },
        (error: unknown) => {
          response.writeHead(500).end(String(error));
        },
      );
    });
  }

  static async start(releases: Readonly<Record<string, readonly string[]>> = {}): Promise<GitHubApi> {
    const api = new GitHubApi(releases);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  /** An issue that exists already. */
  has(issue: Pick<StoredIssue, 'title' | 'labels'>): StoredIssue {
    const stored = {
      number: this.issues.length + 1,
      comments: [],
      body: '',
      state: 'open' as const,
      ...issue,
    };
    this.issues.push(stored);
    return stored;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(message: IncomingMessage): Promise<Reply> {
    const { method = '', url = '', headers } = message;
    const { pathname, searchParams } = new URL(url, this.url);
    this.calls.push(`${method} ${pathname}`);
    const sent = await text(message);
    // GitHub refuses requests that do not say who asks.
    if (headers['user-agent'] === undefined) return { status: 403 };
    const [, owner, name, what = '', number, part] =
      /^\/repos\/([^/]+)\/([^/]+)\/(\w+)(?:\/(\d+)(?:\/(\w+))?)?$/.exec(pathname) ?? [];
    const repository = `${owner ?? ''}/${name ?? ''}`;
    const tags = what === 'releases' ? this.releases[repository] : undefined;
    if (tags !== undefined) {
      return { status: 200, json: tags.map((tag) => ({ tag_name: tag, draft: false, prerelease: false })) };
    }
    if (repository !== GitHubApi.repository) return { status: 404, json: { message: 'Not Found' } };
    if (headers.authorization !== `Bearer ${GitHubApi.token}`)
      return { status: 401, json: { message: 'Bad credentials' } };
    const issue = this.issues.find((stored) => String(stored.number) === number);
    if (number !== undefined && issue === undefined) return { status: 404 };
    const body: unknown = sent === '' ? undefined : JSON.parse(sent);
    switch (`${method} ${what}${issue === undefined ? '' : '/N'}${part === undefined ? '' : `/${part}`}`) {
      case 'GET issues':
        return { status: 200, json: this.#listed(searchParams) };
      case 'POST labels':
        return this.#label(z.object({ name: z.string() }).parse(body).name);
      case 'POST issues': {
        const { body: told, ...rest } = created.parse(body);
        this.has(rest).body = told;
        return { status: 201, json: this.issues.at(-1) };
      }
      case 'PATCH issues/N':
        return { status: 200, json: Object.assign(issue ?? {}, changed.parse(body)) };
      case 'POST issues/N/comments':
        issue?.comments.push(comment.parse(body).body);
        return { status: 201, json: {} };
      default:
        return { status: 404 };
    }
  }

  #listed(query: URLSearchParams): unknown[] {
    const wanted = query.get('labels')?.split(',') ?? [];
    return this.issues
      .filter(
        ({ state, labels }) =>
          state === query.get('state') && wanted.every((label) => labels.includes(label)),
      )
      .map(({ labels, ...issue }) => ({ ...issue, labels: labels.map((label) => ({ name: label })) }));
  }

  #label(name: string): Reply {
    if (this.labels.has(name)) return { status: 422, json: { errors: [{ code: 'already_exists' }] } };
    this.labels.add(name);
    return { status: 201, json: { name } };
  }
}
