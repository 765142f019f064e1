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
