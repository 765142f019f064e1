import { UsageError } from '../errors.ts';
import type { Kube } from '../kube/client.ts';
import { lookAtNamespaces, type Looked } from './claim.ts';
import { findInjector, readIstio, type FoundIstio, type Injector } from './found-istio.ts';
import {
  missingInSystem,
  missingOf,
  missingToMake,
  nothingMustBeMissing,
  type Intended,
} from './permissions.ts';

/** What a run finds in an existing cluster before it changes anything. */
export interface Survey {
  readonly namespaces: Looked;
  /** Undefined where the run is to install one. */
  readonly istio: FoundIstio | undefined;
}

/**
 * Looks whether the run may begin, and changes nothing.
 * @param revision Name of a revision or tag, where there are several
 * @throws UsageError when a namespace is not the suite's, or Istio is not as the options say
 * @throws EnvironmentError when a namespace is in use, or the user may not do what a run does
 */
export async function survey(kube: Kube, intended: Intended, revision: string | undefined): Promise<Survey> {
  const missing = [...(await missingOf(kube, intended))];
  const refused = (what: string): boolean => missing.some((one) => one.what === what);
  const names = intended.used.map((part) => intended.namespaces[part]);
  // Reports first that a namespace is not the suite's, when it may look: with another name all else may be in order.
  const visible = !names.some((name) => missing.some(isGetOf(name)));
  const namespaces = visible ? await lookAtNamespaces(kube, names) : undefined;
  const makes = [...(namespaces?.missing ?? []), ...(namespaces?.dead ?? []).map(({ name }) => name)];
  if (makes.length > 0) missing.push(...(await missingToMake(kube)));
  const injector = refused('mutatingwebhookconfigurations.admissionregistration.k8s.io')
    ? undefined
    : await injectorOf(kube, intended, revision);
  if (injector !== undefined) missing.push(...(await missingInSystem(kube, injector.namespace, intended)));
  nothingMustBeMissing(missing, namespaces?.missing ?? []);
  return {
    namespaces: namespaces ?? { prepared: [], missing: [], dead: [] },
    istio: injector === undefined ? undefined : await readIstio(kube, injector, names),
  };
}

function isGetOf(name: string): (one: { readonly what: string; readonly verb: string }) => boolean {
  return ({ what, verb }) => what === `namespaces ${name}` && verb === 'get';
}

/** @throws UsageError when there is none and none is to be installed, or the other way round */
async function injectorOf(
  kube: Kube,
  { installs }: Intended,
  revision: string | undefined,
): Promise<Injector | undefined> {
  const found = await findInjector(kube, revision);
  if (found === undefined && !installs) {
    throw new UsageError(
      'The cluster has no Istio: no injector (MutatingWebhookConfiguration with app=sidecar-injector)',
      'Install one, or have the run install one and take it away again: --install-istio.',
    );
  }
  if (found !== undefined && installs) {
    throw new UsageError(
      `--install-istio, but the cluster has Istio already: revision ${found.revision} in ${found.namespace}`,
      'Leave the flag out: the run then judges the Istio that is there. One that an ended run left goes with ./conformance clean --kubeconfig FILE.',
    );
  }
  return found;
}
