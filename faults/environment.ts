import { containerEngine } from '../helpers/cluster/engine.ts';
import type { Fault } from './fault.ts';

/** Faults around the mesh that a pass on the shared cluster meets. */
export const clusterFaults: readonly Fault[] = [
  {
    id: 'IMAGE-NOT-PULLED',
    title: 'An image cannot be pulled',
    expect: { step: 'PROXY-5', cause: 'IMAGE_NOT_PULLED' },
    before: 'PROXY-5',
    inject: (rig) => {
      rig.alter('document/sleep.yaml', (text, where) =>
        where === 'external' ? text.replace('${CURL_IMAGE}', 'localhost/no/such-image:0') : text,
      );
    },
  },
  {
    id: 'CLUSTER-DIES',
    title: 'The cluster dies in the middle',
    expect: { step: 'MESH-2', cause: 'CLUSTER_LOST' },
    before: 'MESH-2',
    fatal: true,
    inject: async ({ world }) => {
      const { container } = await containerEngine();
      await container.dockerode.getContainer(world.session.cluster.containerId).kill();
    },
  },
];
