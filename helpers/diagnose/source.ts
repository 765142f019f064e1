import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Cluster } from '../cluster/cluster.ts';
import { jsonIn, messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/eventually.ts';
import type { ImageSet } from '../images/roles.ts';
import { istioctl, IstioctlError } from '../istio/istioctl.ts';
import { connect, type Kube } from '../kube/client.ts';
import { exec, type ExecResult } from '../kube/exec.ts';
import { timeouts } from '../timeouts.ts';
import type { Endpoint } from '../trip/endpoint.ts';

/** What collectors ask of a cluster that answers. */
export interface Source {
  readonly api: Api;
  readonly exec: (
    target: { readonly namespace: string; readonly pod: string; readonly container: string },
    command: readonly string[],
  ) => Promise<ExecResult>;
  /** All that istioctl prints, whatever it ends with; undefined when its image is not known. */
  readonly istioctl: ((args: readonly string[]) => Promise<string>) | undefined;
  /** Where the requests' proxy is, when that is known. */
  readonly proxy: Endpoint | undefined;
}

/** As `exec`, for a command that must succeed. */
export async function output(
  source: Source,
  target: Parameters<Source['exec']>[0],
  command: readonly string[],
): Promise<string> {
  const { exitCode, stdout, stderr } = await source.exec(target, command);
  if (exitCode === 0) return stdout;
  throw new Error(`\`${command.join(' ')}\` ended with exit code ${exitCode}: ${(stderr || stdout).trim()}`);
}

/**
 * A cluster to ask, once it is certain that it answers: forty questions to an API server that is gone would take
 * the whole time.
 * @param limitMs for one question
 * @throws Error with the reason, when it does not answer
 */
export async function openSource(
  request: {
    readonly cluster: Cluster;
    readonly images: ImageSet | undefined;
    readonly proxy: Endpoint | undefined;
    /** Those that may be looked at; all when not given. */
    readonly namespaces?: readonly string[] | undefined;
  },
  limitMs: number,
): Promise<Source> {
  const { cluster, images, proxy, namespaces } = request;
  const kube = connect(cluster.kubeconfig);
  const whole = await openApi(kube);
  const api = namespaces === undefined ? whole : within(whole, namespaces);
  await mustAnswer(api);
  const image = images?.images.istioctl.reference;
  return {
    api,
    proxy,
    exec: (target, command) => exec(kube, target, command, { timeoutMs: limitMs }),
    istioctl: image === undefined ? undefined : (args) => saidByIstioctl(cluster, image, args, limitMs),
  };
}

async function mustAnswer(api: Api): Promise<void> {
  const abandoned = new AbortController();
  try {
    const answer = await orLate(api.get('/version', abandoned.signal), timeouts.probe);
    if (answer === late) throw new Error(`no answer within ${timeouts.probe / 1000} s`);
  } catch (error) {
    throw new Error(`the API server does not answer: ${messageOf(error)}`, { cause: error });
  } finally {
    abandoned.abort();
  }
}

/** That istioctl found something wrong is what is wanted here, and an exit code is how it says so. */
async function saidByIstioctl(
  cluster: Cluster,
  image: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<string> {
  try {
    return await istioctl(cluster, image, args, { timeoutMs });
  } catch (error) {
    if (error instanceof IstioctlError) return `${error.output}\n`;
    throw error;
  }
}

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
  return z.object({ message: z.string() }).safeParse(jsonIn(body)).data?.message ?? body.slice(0, 300);
}

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
