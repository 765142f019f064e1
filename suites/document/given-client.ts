import { EnvironmentError } from '../../helpers/errors.ts';
import type { ClientPod } from '../../helpers/existing/client-pod.ts';
import { proxyVersions, sidecarOf } from '../../helpers/istio/sidecar.ts';
import { apply } from '../../helpers/kube/apply.ts';
import { namespaceObject } from '../../helpers/kube/manifests.ts';
import type { RunPlan } from '../../helpers/session/proxy.ts';
import { sourcePod } from './others.ts';
import { inSection, isDeployed } from './step.ts';
import type { World } from './world.ts';

/** For steps about the client that the suite starts. */
export function isOwnClient({ configuration: { client } }: RunPlan): boolean {
  return client === undefined;
}

/** In place of the steps that start the document's client. */
export const findGivenClient = inSection('before-you-begin', {
  'CLIENT-1': {
    title: 'Your pod is there, ready, and has a sidecar: it is the client',
    needs: ['BEFORE-1'],
    when: (plan) => !isOwnClient(plan),
    run: async (world) => {
      const { kube, givenClient, mesh } = world;
      if (givenClient === undefined) throw new TypeError('a step about --client ran without one');
      const { namespace, pod: name } = givenClient;
      const pod = await sourcePod(world);
      const sidecar = pod === undefined ? undefined : sidecarOf(pod);
      if (pod?.metadata?.uid !== givenClient.uid || sidecar === undefined) throw replaced(givenClient);
      const versions = await proxyVersions(kube, { namespace, pod: name });
      world.versions['istio-proxy'] = versions.istio;
      world.versions['envoy'] = versions.envoy;
      world.note('client', givenClient.label);
      world.note('sidecar', `${sidecar.kind}, ${sidecar.image}`);
      const differs = mesh.istio !== undefined && mesh.istio !== versions.istio;
      world.note('istio-proxy', differs ? `${versions.istio}, and istiod is ${mesh.istio}` : versions.istio);
      world.note('Envoy', versions.envoy);
      world.sourcePod.set(name);
      // Istio looks only at namespaces that are labelled as its discovery selectors ask; the entry will be in this one.
      if (isDeployed(world.session) && !hasOwnClientToo(world)) {
        await apply(kube, [namespaceObject(world.namespaces.mesh)]);
      }
    },
  },
});

/** A gate has its own client beside the user's pod, and BEFORE-2 has labelled their namespace for it. */
function hasOwnClientToo({ session: { existing } }: World): boolean {
  return existing?.dress.entryVisibleTo.includes('.') === true;
}

export function replaced({ namespace, pod }: ClientPod): EnvironmentError {
  return new EnvironmentError(
    `Pod ${namespace}/${pod}, from which requests were to be sent, is not there any more`,
    `It was replaced meanwhile. Run again with the pod that took its place; --client ${namespace}/deployment/NAME finds it by itself.`,
    { code: 'CLIENT_LOST' },
  );
}

/** Why a control is left out for the user's pod, where it would need a resource for that pod alone. */
export function wouldChangeClient({ configuration: { client } }: RunPlan): string | undefined {
  return client === undefined
    ? undefined
    : `it needs other configuration for the client's namespace, and nothing of ${client} is changed (--client)`;
}

/** Likewise, where it would have to hide the mesh's own entry from that pod; the suite's own it can take away. */
export function wouldHideEntry(plan: RunPlan): string | undefined {
  const { client } = plan.configuration;
  return client === undefined || isDeployed(plan)
    ? undefined
    : `it would hide the ServiceEntry of the mesh from ${client}, and nothing of that pod is changed (--client)`;
}
