import { AuthorizationV1Api, type V1PolicyRule } from '@kubernetes/client-node';
import { EnvironmentError } from '../errors.ts';
import { influencingResources } from '../istio/influences.ts';
import type { Kube } from '../kube/client.ts';
import type { Namespaces } from '../kube/manifests.ts';
import { toldClient, type ClientName } from './client-name.ts';

/** One thing that may be done: RBAC's group ('' is the core one), resource with its subresource, and verbs. */
export interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Of these objects only. */
  readonly names?: readonly string[];
}

/** What a run needs, by where it needs it. `conformance rbac` grants it, and a run asks for it before it does anything. */
export interface Permissions {
  readonly everywhere: readonly Permission[];
  /** In each of the run's own namespaces. */
  readonly own: Readonly<Record<keyof Namespaces, readonly Permission[]>>;
  /** In the control plane's namespace. */
  readonly system: readonly Permission[];
  /** In the namespace of the user's pod that is the client. */
  readonly client: readonly Permission[];
}

/** Besides, in the control plane's namespace, for a gate: istiod itself tells its version, and which sidecars it serves. */
export const toAskIstiod: Permission = { group: '', resource: 'pods/exec', verbs: ['get', 'create'] };

/** And anywhere: whether each namespace that had an injector has one after the upgrade. */
export const toSeeNamespaces: Permission = { group: '', resource: 'namespaces', verbs: ['list'] };

const made = ['get', 'list', 'create', 'patch', 'delete'];
const read = ['get', 'list'];

/** For evidence of a failure, and to tell whether all that a run made is gone. */
const common: readonly Permission[] = [
  { group: '', resource: 'pods/log', verbs: ['get'] },
  { group: '', resource: 'events', verbs: ['list'] },
  { group: 'apps', resource: 'replicasets', verbs: ['list'] },
  // Besides the run's lock, the proxy's configuration, and the destination's page.
  { group: '', resource: 'configmaps', verbs: made },
  // The hermetic destination's key, and what images are pulled with.
  { group: '', resource: 'secrets', verbs: made },
];

/** The document's objects: sleep here and there, and Squid. */
const workloads: readonly Permission[] = [
  { group: 'apps', resource: 'deployments', verbs: made },
  { group: '', resource: 'services', verbs: made },
  { group: '', resource: 'serviceaccounts', verbs: made },
  { group: '', resource: 'pods/exec', verbs: ['get', 'create'] },
];

/** In each of the run's own namespaces, by what it makes there. */
const own: Permissions['own'] = {
  mesh: [
    ...common,
    ...workloads,
    // Made with --every-node; the document's come by their Deployments.
    { group: '', resource: 'pods', verbs: made },
    { group: 'networking.istio.io', resource: 'serviceentries', verbs: made },
    { group: 'networking.istio.io', resource: 'sidecars', verbs: made },
    { group: 'telemetry.istio.io', resource: 'telemetries', verbs: made },
  ],
  external: [...common, ...workloads, { group: '', resource: 'pods', verbs: read }],
  origin: [
    ...common,
    { group: '', resource: 'pods', verbs: made },
    { group: '', resource: 'serviceaccounts', verbs: read },
    { group: 'apps', resource: 'deployments', verbs: ['list'] },
  ],
};

/** The same of the first for a run whose client is the user's pod: the entry alone is made there. */
const withoutClient: readonly Permission[] = [
  ...common,
  { group: 'networking.istio.io', resource: 'serviceentries', verbs: made },
  // To tell whether all that a run made is gone.
  ...(['deployments'] as const).map((resource) => ({ group: 'apps', resource, verbs: ['list'] })),
  ...(['services', 'serviceaccounts', 'pods'] as const).map((resource) => ({
    ...{ group: '', resource },
    verbs: ['list'],
  })),
  { group: 'networking.istio.io', resource: 'sidecars', verbs: ['list'] },
  { group: 'telemetry.istio.io', resource: 'telemetries', verbs: ['list'] },
];

/** For a pod without a curl of its own. */
function ephemeral(client: ClientName): Permission {
  return { group: '', resource: 'pods/ephemeralcontainers', verbs: ['patch'], ...only(client) };
}

/** A pod that is looked for can be any of its namespace: RBAC knows names alone. */
function only({ pod }: ClientName): Pick<Permission, 'names'> {
  return pod === undefined ? {} : { names: [pod] };
}

/** Of the user's pod: to look at it, to ask in it, and to read what its sidecar says. */
function clientPermissions(client: ClientName): readonly Permission[] {
  const { pod, deployment } = client;
  return [
    ...(deployment === undefined
      ? []
      : [{ group: 'apps', resource: 'deployments', verbs: ['get'], names: [deployment] }]),
    { group: '', resource: 'pods', verbs: pod === undefined ? read : ['get'], ...only(client) },
    { group: '', resource: 'pods/exec', verbs: ['get', 'create'], ...only(client) },
    { group: '', resource: 'pods/log', verbs: ['get'], ...only(client) },
  ];
}

/**
 * What a run needs in prepared namespaces; to create them itself it also needs `toMakeNamespaces`.
 * @param client The user's pod from which requests are sent
 * @param ownToo A gate's own client is there besides
 */
export function permissionsOf(
  { mesh, external, origin }: Namespaces,
  client?: ClientName,
  ownToo = false,
): Permissions {
  return {
    everywhere: [
      { group: '', resource: 'namespaces', verbs: ['get', 'patch'], names: [mesh, external, origin] },
      // Whether PROXY_IP belongs to a Service, and what else decides about the way of a request.
      { group: '', resource: 'services', verbs: ['list'] },
      { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list'] },
      ...influencingResources.map((one) => ({ ...one, verbs: ['list'] })),
      // Which Istio is there, by its injectors.
      { group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations', verbs: ['list'] },
      { group: '', resource: 'nodes', verbs: ['list'] },
    ],
    own: client === undefined || ownToo ? own : { ...own, mesh: withoutClient },
    client: client === undefined ? [] : [...clientPermissions(client), ephemeral(client)],
    system: [
      { group: 'apps', resource: 'deployments', verbs: ['get'] },
      { group: '', resource: 'pods', verbs: ['list'] },
      { group: '', resource: 'configmaps', verbs: ['get'] },
    ],
  };
}

/** Besides, for a run that makes its namespaces, and takes them away again. */
export const toMakeNamespaces: Permission = {
  group: '',
  resource: 'namespaces',
  verbs: ['create', 'delete', 'list'],
};

export function rulesOf(permissions: readonly Permission[]): V1PolicyRule[] {
  return permissions.map(({ group, resource, verbs, names }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: [...verbs],
    ...(names === undefined ? {} : { resourceNames: [...names] }),
  }));
}

interface Question {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

/** What is to be asked about, by what is known of the cluster so far. */
export interface Intended {
  readonly namespaces: Namespaces;
  /** Those that the run uses: without a hermetic destination it needs no namespace for it. */
  readonly used: readonly (keyof Namespaces)[];
  /** Istio is installed, which is an administrator's work. */
  readonly installs: boolean;
  /** The user's pod from which requests are sent. */
  readonly client: ClientName | undefined;
  /** A gate: the user upgrades Istio meanwhile. */
  readonly upgrades: boolean;
}

/** A right that the API server says the user has not. */
export interface Missing {
  /** `pods/exec in external`. */
  readonly what: string;
  readonly verb: string;
}

/** Of what every run needs, what the user may not do. */
export function missingOf(
  kube: Kube,
  { namespaces, used, installs, client, upgrades }: Intended,
): Promise<readonly Missing[]> {
  const { everywhere, own } = permissionsOf(namespaces, client, upgrades);
  const names = used.map((part) => namespaces[part]);
  const questions = [
    ...everywhere.flatMap((permission) =>
      questionsOf(permission.names === undefined ? permission : { ...permission, names }),
    ),
    ...used.flatMap((part) => own[part].flatMap((permission) => questionsOf(permission, namespaces[part]))),
    ...(client === undefined ? [] : clientPermissions(client)).flatMap((permission) =>
      questionsOf(permission, client?.namespace),
    ),
    ...(upgrades ? questionsOf(toSeeNamespaces) : []),
    ...(installs ? questionsOf({ group: '*', resource: '*', verbs: ['*'] }) : []),
  ];
  return refused(kube, questions);
}

/** Of what a run needs in the control plane's namespace, what the user may not do. */
export function missingInSystem(
  kube: Kube,
  system: string,
  { upgrades }: Pick<Intended, 'upgrades'>,
): Promise<readonly Missing[]> {
  const always = permissionsOf({ mesh: '', external: '', origin: '' }).system;
  const needed = upgrades ? [...always, toAskIstiod] : always;
  return refused(
    kube,
    needed.flatMap((permission) => questionsOf(permission, system)),
  );
}

/** @throws EnvironmentError where the user may not add an ephemeral container to the client's pod */
export async function ephemeralMustBeAllowed(kube: Kube, client: ClientName): Promise<void> {
  const missing = await refused(kube, questionsOf(ephemeral(client), client.namespace));
  if (missing.length === 0) return;
  throw new EnvironmentError(
    `--client ${toldClient(client)}: the pod has no curl that can ask, and the kubeconfig's user may not add an ephemeral container that has:\n${grouped(missing)}`,
    `Have an administrator apply the output of ./conformance rbac --client ${toldClient(client)}, or choose a pod that has curl in its image.`,
  );
}

/** Of what a run needs that makes its namespaces, what the user may not do. */
export function missingToMake(kube: Kube): Promise<readonly Missing[]> {
  return refused(kube, questionsOf(toMakeNamespaces));
}

/**
 * @param makes Namespaces that are not there yet
 * @throws EnvironmentError that lists what is missing, when anything is
 */
export function nothingMustBeMissing(missing: readonly Missing[], makes: readonly string[]): void {
  if (missing.length === 0) return;
  throw new EnvironmentError(
    `The kubeconfig's user may not do what a run does:\n${grouped(missing)}`,
    makes.length > 0
      ? `Have an administrator apply the output of ./conformance rbac, which also creates the namespaces (${makes.join(', ')} do not exist).`
      : 'Have an administrator apply the output of ./conformance rbac, with the same --namespace, --proxy-namespace and --client.',
  );
}

async function refused(kube: Kube, questions: readonly Question[]): Promise<readonly Missing[]> {
  const answers = await Promise.all(questions.map((question) => mayI(kube, question)));
  return questions.filter((_question, index) => answers[index] === false).map(described);
}

function questionsOf({ group, resource, verbs, names }: Permission, namespace?: string): Question[] {
  return verbs.flatMap((verb) =>
    (names ?? [undefined]).map((name) => ({ group, resource, verb, name, namespace })),
  );
}

async function mayI({ config }: Kube, question: Question): Promise<boolean> {
  const { group, verb, name, namespace } = question;
  const [resource = '', subresource] = question.resource.split('/');
  const { status } = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
    body: {
      spec: {
        resourceAttributes: {
          group,
          resource,
          verb,
          ...(subresource === undefined ? {} : { subresource }),
          ...(name === undefined ? {} : { name }),
          ...(namespace === undefined ? {} : { namespace }),
        },
      },
    },
  });
  return status?.allowed ?? false;
}

function described({ group, resource, verb, name, namespace }: Question): Missing {
  const kind = group === '' ? resource : `${resource}.${group}`;
  const which = name === undefined ? '' : ` ${name}`;
  return { what: `${kind}${which}${namespace === undefined ? '' : ` in ${namespace}`}`, verb };
}

/** One line a resource. */
function grouped(missing: readonly Missing[]): string {
  const verbs = new Map<string, string[]>();
  for (const { what, verb } of missing) verbs.set(what, [...(verbs.get(what) ?? []), verb]);
  return [...verbs].map(([what, all]) => `  ${what}: ${all.join(', ')}`).join('\n');
}
