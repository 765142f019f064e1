import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Kube } from '../kube/client.ts';

/** The API server as far as evidence needs it: GET. */
export interface Api {
  /** @throws Error on any answer but 200 */
  readonly get: (path: string, signal: AbortSignal) => Promise<string>;
}

/** Asks the API server directly: the client library drops fields it does not know, and cannot be told to stop. */
export async function openApi({ config }: Kube): Promise<Api> {
  const server = config.getCurrentCluster()?.server ?? '';
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return { get: (path, signal) => get(new URL(server + path), { ...options, signal }) };
}

/** Kinds that no namespace holds. */
const clusterWide =
  /^\/(api\/v1\/(namespaces|nodes)|apis\/(admissionregistration|apiextensions)\.k8s\.io\/.*|version)$/;

/** The same API server, asked for the objects of these namespaces where all of a kind were asked for. */
export function within(api: Api, namespaces: readonly string[]): Api {
  return {
    get: async (path, signal) => {
      const [, group, plural] = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)\/([a-z]+)$/.exec(path) ?? [];
      if (group === undefined || plural === undefined || clusterWide.test(path)) return api.get(path, signal);
      const texts = await Promise.all(
        namespaces.map((namespace) => api.get(`${group}/namespaces/${namespace}/${plural}`, signal)),
      );
      const lists = texts.map((text) => list.parse(JSON.parse(text)));
      return JSON.stringify({ ...lists[0], items: lists.flatMap(({ items }) => items ?? []) });
    },
  };
}

async function get(url: URL, options: RequestOptions): Promise<string> {
  const response = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    request(url, options, (incoming) => {
      text(incoming).then((body) => {
        resolve({ status: incoming.statusCode ?? 0, body });
      }, reject);
    })
      .once('error', reject)
      .end();
  });
  if (response.status === 200) return response.body;
  throw new Error(`the API server answered ${response.status}: ${reasonOf(response.body)}`);
}

function reasonOf(body: string): string {
  try {
    return z.object({ message: z.string() }).parse(JSON.parse(body)).message;
  } catch {
    return body.slice(0, 300);
  }
}

/** An object as the API server gives it. */
export type ApiObject = Readonly<Record<string, unknown>>;

const list = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  items: z.array(z.record(z.string(), z.unknown())).nullish(),
});

/** The objects of a list, each with the kind that lists leave out. */
export async function listObjects(api: Api, path: string, signal: AbortSignal): Promise<ApiObject[]> {
  if (/\/secrets(?:$|[/?])/.test(path)) throw new Error('Secrets are not collected');
  const { apiVersion, kind, items } = list.parse(JSON.parse(await api.get(path, signal)));
  return (items ?? []).map((item) => ({ apiVersion, kind: kind.replace(/List$/, ''), ...item }));
}
