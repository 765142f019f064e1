import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Kube } from './client.ts';

/** What an API request was for. */
export type RequestKind = 'exec' | 'log' | 'read' | 'write';

const channels = ['undici:request:create', 'http.client.request.start'] as const;

/** Counts the requests that this process makes of one API server, by what they are for. */
export class RequestCount implements Disposable {
  readonly #host: string;
  readonly #counts: Record<RequestKind, number> = { exec: 0, log: 0, read: 0, write: 0 };

  constructor({ config }: Pick<Kube, 'config'>) {
    this.#host = hostOf(config.getCurrentCluster()?.server ?? '');
    for (const channel of channels) subscribe(channel, this.#see);
  }

  get counts(): Readonly<Record<RequestKind, number>> {
    return { ...this.#counts };
  }

  get total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  [Symbol.dispose](): void {
    for (const channel of channels) unsubscribe(channel, this.#see);
  }

  // The client library asks through undici, followed logs and sockets through node:https.
  readonly #see = (message: unknown): void => {
    const { request } = message as { request?: Seen };
    if (request === undefined || request.path === undefined) return;
    const host = request.origin === undefined ? request.getHeader?.('host') : hostOf(String(request.origin));
    if (host !== this.#host) return;
    this.#counts[kindOf(request.method ?? 'GET', request.path)] += 1;
  };
}

interface Seen {
  readonly method?: string;
  readonly path?: string;
  readonly origin?: string | URL;
  readonly getHeader?: (name: string) => unknown;
}

function hostOf(server: string): string {
  return URL.parse(server)?.host ?? server;
}

function kindOf(method: string, path: string): RequestKind {
  const [where = ''] = path.split('?');
  if (/\/pods\/[^/]+\/exec$/.test(where)) return 'exec';
  if (/\/pods\/[^/]+\/log$/.test(where)) return 'log';
  return method === 'GET' ? 'read' : 'write';
}
