import { clusters, listeners } from '../../helpers/istio/sidecar.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { fail } from './fail.ts';
import type { Step } from './step.ts';

interface WithHosts extends KubernetesObject {
  readonly spec?: { readonly hosts?: readonly string[] };
}

export const understandingWhatHappened: readonly Step[] = [
  {
    id: 'WHY-1',
    section: 'understanding-what-happened',
    title: 'Nothing in the mesh knows wikipedia.org, and the request needed nothing',
    commands: [],
    claims: ['请注意,您不能为通过外部代理访问的外部服务创建服务实体'],
    needs: ['MESH-2'],
    run: async (world) => {
      const { kube } = world;
      const pod = { namespace: 'default', pod: world.sourcePod.get() };
      const [entries, held, known] = await Promise.all([
        kube.objects.list<WithHosts>('networking.istio.io/v1', 'ServiceEntry'),
        listeners(kube, pod),
        clusters(kube, pod),
      ]);
      const aboutIt = (text: string): boolean => text.includes('wikipedia');
      const found = [
        ...entries.items
          .filter(({ spec }) => spec?.hosts?.some(aboutIt) === true)
          .map(({ metadata }) => `ServiceEntry ${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`),
        ...held.filter((listener) => aboutIt(JSON.stringify(listener))).map(({ name }) => `listener ${name}`),
        ...known.filter(({ name }) => aboutIt(name)).map(({ name }) => `cluster ${name}`),
      ];
      if (found.length > 0) {
        fail(
          'EXTRA_ENTRY',
          found.join(', '),
          'no ServiceEntry, listener or cluster for wikipedia.org anywhere',
        );
      }
      const trip = world.evidence(world.meshTrip.get());
      expect(trip).toHaveTitle(world.session.destination.title);
    },
  },
];
