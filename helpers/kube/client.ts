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
} from '@kubernetes/client-node';
import { jsonIn, messageOf } from '../errors.ts';
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

/** Clients for the current context of a kubeconfig's text. */
export function connect(kubeconfig: string, dress?: Dress): Kube {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
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
    return `${error.code}: ${error.message}`;
  }
  return messageOf(error);
}

/** `Kind namespace/name`, as messages name an object. */
export function nameOf(object: KubernetesObject): string {
  const { namespace, name } = object.metadata ?? {};
  return `${object.kind ?? 'object'} ${namespace === undefined ? '' : `${namespace}/`}${name ?? '?'}`;
}
