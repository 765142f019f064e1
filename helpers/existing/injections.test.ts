import type { V1MutatingWebhook, V1MutatingWebhookConfiguration, V1Namespace } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { injectionsIn, lostInjections, type Injecting } from './injections.ts';

const namespace = (name: string, labels: Record<string, string> = {}): V1Namespace => ({
  metadata: { name, labels },
});
const has = (key: string, ...values: string[]) => ({ key, operator: 'In', values });
const hasNot = (key: string) => ({ key, operator: 'DoesNotExist' });
const webhook = (of: object[], pods: object[] = []) => ({
  ...{ name: 'x', clientConfig: {}, sideEffects: 'None', admissionReviewVersions: ['v1'] },
  namespaceSelector: { matchExpressions: of },
  objectSelector: {
    matchExpressions: [{ key: 'sidecar.istio.io/inject', operator: 'NotIn', values: ['false'] }, ...pods],
  },
});

/** As istioctl makes it for a tag, and for the default one. */
function injector(name: string, revision: string): V1MutatingWebhookConfiguration {
  return {
    metadata: { name, labels: { 'istio.io/rev': revision } },
    webhooks: [
      webhook([has('istio.io/rev', name), hasNot('istio-injection')]),
      ...(name === 'default'
        ? [
            webhook([has('istio-injection', 'enabled')]),
            webhook(
              [hasNot('istio-injection'), hasNot('istio.io/rev')],
              [has('sidecar.istio.io/inject', 'true')],
            ),
          ]
        : []),
    ] as V1MutatingWebhook[],
  };
}

const namespaces = [
  namespace('shop', { 'istio-injection': 'enabled' }),
  namespace('pay', { 'istio.io/rev': 'stable' }),
  namespace('bank', { 'istio.io/rev': 'stable' }),
  namespace('plain'),
];
const byDefault = injector('default', 'default');
const byTag = injector('stable', 'old');

function mesh(
  injectors: readonly V1MutatingWebhookConfiguration[],
  revisions = ['default', 'old'],
): Injecting {
  const planes = revisions.map((revision) => ({ revision }));
  return { injections: injectionsIn(namespaces, [], injectors), planes };
}

const before = mesh([byDefault, byTag]);

describe('injectionsIn', () => {
  it('reads selectors as the API server does', () => {
    expect(before.injections.injections).toEqual([
      { namespace: 'shop', label: 'istio-injection=enabled', pods: 'all', revision: 'default', service: '' },
      {
        namespace: 'shop',
        label: 'istio-injection=enabled',
        pods: 'asking',
        revision: 'default',
        service: '',
      },
      ...['pay', 'bank'].flatMap((name) =>
        (['all', 'asking'] as const).map((pods) => ({
          ...{ namespace: name, label: 'istio.io/rev=stable', pods, revision: 'old', service: '' },
        })),
      ),
      { namespace: 'plain', label: '', pods: 'asking', revision: 'default', service: '' },
    ]);
  });
});

describe('lostInjections', () => {
  it('finds none where nothing changed, and where a tag leads to another revision that is there', () => {
    expect(lostInjections(before, before)).toEqual([]);
    const moved = mesh([byDefault, injector('stable', 'new')], ['default', 'new']);
    expect(lostInjections(before, moved)).toEqual([]);
  });

  it('names the namespaces whose tag went', () => {
    expect(lostInjections(before, mesh([byDefault]))).toEqual([
      'pods of namespaces with istio.io/rev=stable: no injector takes them (namespaces bank, pay)',
    ]);
  });

  it('names those whose tag leads to a control plane that is gone, or never was', () => {
    const lost = (revision: string): string =>
      `pods of namespaces with istio.io/rev=stable: their injector is of revision ${revision}, whose control plane is not there (namespaces bank, pay)`;
    const removed = mesh([byDefault, byTag], ['default', 'new']);
    expect(lostInjections(before, removed)).toEqual([lost('old')]);
    const nowhere = mesh([byDefault, injector('stable', 'mistyped')]);
    expect(lostInjections(before, nowhere)).toEqual([lost('mistyped')]);
  });

  it('names those whose injector asks a Service that is not there', () => {
    const service = 'istio-system/istiod-old';
    const injections = before.injections.injections.map((one) =>
      one.revision === 'old' ? { ...one, service } : one,
    );
    const here = { ...before, injections: { ...before.injections, injections, services: [service] } };
    expect(lostInjections(here, here)).toEqual([]);
    expect(lostInjections(here, { ...here, injections: { ...here.injections, services: [] } })).toEqual([
      `pods of namespaces with istio.io/rev=stable: their injector asks Service ${service}, which is not there (namespaces bank, pay)`,
    ]);
  });

  it('names pods that ask by themselves, and all of a namespace but once', () => {
    expect(lostInjections(before, mesh([byTag]))).toEqual([
      'pods of namespaces with istio-injection=enabled: no injector takes them (namespace shop)',
      'pods with sidecar.istio.io/inject=true of namespaces without a label: no injector takes them (namespace plain)',
    ]);
  });

  it('says nothing of a namespace that is gone, and of a mesh whose control plane was never seen', () => {
    const gone = { ...before, injections: { namespaces: [], services: [], injections: [] } };
    expect(lostInjections(before, gone)).toEqual([]);
    const elsewhere = mesh([byDefault, byTag], ['default']);
    expect(lostInjections(elsewhere, elsewhere)).toEqual([]);
  });
});
