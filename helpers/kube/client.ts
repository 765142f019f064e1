import {
  ApiException,
  ApisApi,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  DiscoveryV1Api,
  KubeConfig,
  KubernetesObjectApi,
  VersionApi,
  type KubernetesObject,
  type RequestContext,
} from '@kubernetes/client-node';
import { isFetchFailure, isLate, jsonIn, messageOf } from '../errors.ts';
import { timeouts } from '../timeouts.ts';
import type { Dress } from './dress.ts';

export interface Kube {
  readonly config: KubeConfig;
  readonly objects: KubernetesObjectApi;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly apis: ApisApi;
  readonly custom: CustomObjectsApi;
  readonly discovery: DiscoveryV1Api;
  readonly version: VersionApi;
  /** What `apply` adds to every object, in an existing cluster. */
  readonly dress: Dress | undefined;
}

/** Name of this suite as a field manager and as the value of its labels. */
export const fieldManager = 'istio-external-proxy-conformance';

/** Every request has a deadline: an API server that takes connections and says nothing must not keep a run waiting. */
class PunctualConfig extends KubeConfig {
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    context.setSignal(AbortSignal.timeout(timeouts.apiCall));
  }
}

/** Clients for the current context of a kubeconfig's text. */
export function connect(kubeconfig: string, dress?: Dress): Kube {
  const config = new PunctualConfig();
  config.loadFromString(kubeconfig);
  keepConnections(config as unknown as DispatcherMaker);
  return {
    config,
    objects: KubernetesObjectApi.makeApiClient(config),
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    apis: config.makeApiClient(ApisApi),
    custom: config.makeApiClient(CustomObjectsApi),
    discovery: config.makeApiClient(DiscoveryV1Api),
    version: config.makeApiClient(VersionApi),
    dress,
  };
}

/** What the library keeps private: it makes a dispatcher for each request. */
interface DispatcherMaker {
  createDispatcher: (
    ...asked: Parameters<KubeConfig['createDispatcherOptions']>
  ) => ReturnType<RequestContext['getDispatcher']>;
}

/** One dispatcher for each identity, and so one connection: a run had a TLS handshake for each of 400 requests otherwise. */
function keepConnections(config: DispatcherMaker): void {
  const dispatchers = new Map<string, ReturnType<DispatcherMaker['createDispatcher']>>();
  const create = config.createDispatcher.bind(config);
  config.createDispatcher = (cluster, options) => {
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
    const credentials = [ca, cert, key, pfx, passphrase, servername, rejectUnauthorized];
    const identity = [cluster?.server, cluster?.proxyUrl, ...credentials].map(String).join('\n');
    const kept = dispatchers.get(identity) ?? create(cluster, options);
    dispatchers.set(identity, kept);
    return kept;
  };
}

/** HTTP status of an API server's refusal, undefined when it was no such thing. */
export function apiStatus(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined;
}

/** For `catch`: nothing, where the API server refuses with this status; any other error is thrown on. */
export function unlessRefused(status: number): (error: unknown) => undefined {
  return (error) => {
    if (apiStatus(error) !== status) throw error;
  };
}

/** The API server's own words for a refusal; the message of any other error. */
export function apiMessage(error: unknown): string {
  if (error instanceof ApiException) {
    const body: unknown = error.body;
    const parsed: unknown = typeof body === 'string' ? jsonIn(body) : body;
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) {
      return `${error.code}: ${String(parsed.message)}`;
    }
    // The client's own message has every header in it.
    const text = typeof body === 'string' ? body : /^Message: (.*)$/m.exec(error.message)?.[1];
    return `${error.code}: ${text?.replaceAll(/\s+/g, ' ').slice(0, 300) ?? 'no reason given'}`;
  }
  if (isLate(error)) return 'no answer in time';
  // A page in its place, of a login or a load balancer.
  if (error instanceof SyntaxError) return `its answer is no JSON: ${error.message}`;
  return messageOf(error);
}

/**
 * Why the API server does not serve who asks, where an error says that: it cannot be reached, it fails, or it does not
 * take the credentials. Undefined where it refused what was asked for, and for every other error.
 */
export function apiTrouble(error: unknown): string | undefined {
  if (error instanceof ApiException) {
    const told = apiMessage(error);
    const lacksRight = error.code === 403 && /\bcannot \w+ (resource|path)\b/.test(told);
    const fails = error.code >= 500 && !told.includes('failed calling webhook');
    return lacksRight || fails || [401, 429].includes(error.code) ? told : undefined;
  }
  if (!(error instanceof Error)) return undefined;
  if (isFetchFailure(error) || isLate(error)) return apiMessage(error);
  return apiTrouble(error.cause);
}

/** The cluster's objects of a kind. In the API's own lists they come without it. */
export async function listOf<T extends KubernetesObject>(
  { objects }: Pick<Kube, 'objects'>,
  apiVersion: string,
  kind: string,
): Promise<T[]> {
  const { items } = await objects.list<T>(apiVersion, kind);
  return items.map((item) => ({ ...item, kind }));
}

/** In ms since the epoch. */
export function createdAt({ metadata }: KubernetesObject): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}

/** `Kind namespace/name`, as messages name an object. */
export function nameOf(object: KubernetesObject): string {
  const { namespace, name } = object.metadata ?? {};
  return `${object.kind ?? 'object'} ${namespace === undefined ? '' : `${namespace}/`}${name ?? '?'}`;
}
