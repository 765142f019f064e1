import { expect } from 'vitest';
import {
  deploymentMustBeReady,
  documentSteps,
  documentsWay,
  testSteps,
  withObjects,
  type Step,
  type World,
} from 'istio-external-proxy-conformance';

/** Our application, as it is deployed: here one pod with curl. */
const shop = (image: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'shop' } },
    template: {
      metadata: { labels: { app: 'shop' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'shop', image, command: ['sleep', 'infinity'] }],
      },
    },
  },
});

const shopReachesThePage: Step = {
  id: 'SHOP-1',
  section: 'own',
  title: 'From our shop, the page arrives through the proxy, and every witness says so',
  commands: [],
  needs: ['MESH-1'],
  run: (world) => withObjects(world, [shop(world.session.images.images.curl.reference)], () => ask(world)),
};

async function ask(world: World): Promise<void> {
  const namespace = 'default';
  const [pod] = await deploymentMustBeReady(world.kube, namespace, 'shop');
  const client = { namespace, pod: pod?.metadata?.name ?? '', container: 'shop' };
  world.witnesses.follow('sidecar', { ...client, container: 'istio-proxy' });
  const trip = await world.witnesses.fetch(client, { via: world.proxy(), sidecar: true });
  world.evidence(trip);
  expect(trip).toHaveTitle('Wikipedia, the free encyclopedia');
  expect(trip).toHaveCrossed(...documentsWay(world));
}

testSteps([
  ...documentSteps.filter(({ section }) => section !== 'cleanup'),
  shopReachesThePage,
  ...documentSteps.filter(({ section }) => section === 'cleanup'),
]);
