import { permissionsOf } from './permissions.ts';
import { clientNamed } from './client-name.ts';
import { parseAllDocuments } from 'yaml';
import { expect, test } from 'vitest';
import { rbacManifest } from './rbac.ts';

interface Stored {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly {
    readonly resources: string[];
    readonly verbs: string[];
    resourceNames?: string[];
  }[];
  readonly subjects?: readonly object[];
}

const namespaces = { mesh: 'm', external: 'e', origin: 'e-origin' };

function stored(user?: string): Stored[] {
  const manifest = rbacManifest({ namespaces, system: 'istio-x', ...(user === undefined ? {} : { user }) });
  return parseAllDocuments(manifest).map((document) => document.toJS() as Stored);
}

test('cluster-wide it only reads, but for the labels of its own namespaces', () => {
  const rules = stored().find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];
  const writing = rules.filter(({ verbs }) => verbs.some((verb) => !['get', 'list'].includes(verb)));
  expect(writing).toEqual([
    {
      apiGroups: [''],
      resources: ['namespaces'],
      verbs: ['get', 'patch'],
      resourceNames: ['m', 'e', 'e-origin'],
    },
  ]);
  expect(rules.flatMap(({ resources }) => resources)).not.toContain('secrets');
});

test('its roles are in its namespaces and the control plane’s', () => {
  const where = stored()
    .filter(({ kind }) => kind === 'Role')
    .map(({ metadata }) => metadata.namespace);
  expect(where).toEqual(['m', 'e', 'e-origin', 'istio-x']);
});

test('for the user’s pod it reaches that pod alone, and less of the run’s own', () => {
  const client = clientNamed({ client: 'shop/web-1' });
  const objects = parseAllDocuments(rbacManifest({ namespaces, system: 'istio-x', client })).map(
    (document) => document.toJS() as Stored,
  );
  const roleIn = (namespace: string): Stored['rules'] =>
    objects.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === namespace)?.rules;
  expect(
    roleIn('shop')?.map(({ resources, resourceNames }) => [...resources, ...(resourceNames ?? [])]),
  ).toEqual(
    ['pods', 'pods/exec', 'pods/log', 'pods/ephemeralcontainers'].map((resource) => [resource, 'web-1']),
  );
  expect(roleIn('m')?.flatMap(({ resources }) => resources)).not.toContain('pods/exec');
  expect(objects.some(({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'shop')).toBe(false);
});

test('for a gate it has all that its own client needs besides, and the user’s pod', () => {
  const client = clientNamed({ client: 'shop/deployment/web' });
  const roles = (ofGate: boolean): (string | undefined)[] =>
    parseAllDocuments(
      rbacManifest({ namespaces, system: 'istio-x', gate: true, ...(ofGate ? { client } : {}) }),
    )
      .map((document) => document.toJS() as Stored)
      .filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace !== 'shop')
      .map(({ rules }) => JSON.stringify(rules));
  expect(roles(true)).toEqual(roles(false));
});

test('for one that is looked for it reaches the pods of its namespace', () => {
  const rulesFor = (name: string): string[] => {
    const client = clientNamed({ client: name });
    const { client: rules } = permissionsOf(namespaces, client);
    return rules.map(({ resource, verbs, names = [] }) => [resource, verbs.join('+'), ...names].join(' '));
  };
  const pods = ['pods get+list', 'pods/exec get+create', 'pods/log get', 'pods/ephemeralcontainers patch'];
  expect(rulesFor('shop/app.kubernetes.io/name=web/app')).toEqual(pods);
  expect(rulesFor('shop/deployment/web')).toEqual(['deployments get web', ...pods]);
});

test('it is for a service account, or for the user that is named', () => {
  expect(stored().map(({ kind }) => kind)).toContain('ServiceAccount');
  const ada = stored('ada');
  expect(ada.map(({ kind }) => kind)).not.toContain('ServiceAccount');
  const subjects = ada.flatMap((object) => object.subjects ?? []);
  expect(new Set(subjects.map((subject) => JSON.stringify(subject))).size).toBe(1);
  expect(subjects[0]).toMatchObject({ kind: 'User', name: 'ada' });
});
