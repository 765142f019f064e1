import { EnvironmentError, messageOf } from '../../helpers/errors.ts';
import { EventuallyError } from '../../helpers/eventually/eventually.ts';
import { releaseOf } from '../../helpers/existing/found-istio.ts';
import { overlayOf } from '../../helpers/given/given.ts';
import type { ImageSet } from '../../helpers/images/roles.ts';
import { controlPlaneVersion, servedBy } from '../../helpers/istio/control-plane.ts';
import { installIstio, precheck } from '../../helpers/istio/install.ts';
import { IstioctlError } from '../../helpers/istio/istioctl.ts';
import { proxyVersions, sidecarOf } from '../../helpers/istio/sidecar.ts';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { livePods } from '../../helpers/kube/workloads.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import type { V1Pod } from '@kubernetes/client-node';
import { fail, mustEqual, waitOrFail } from '../document/must.ts';
import type { Step } from '../document/step.ts';
import type { Mesh, World } from '../document/world.ts';
import { setsOf, type Gate } from './gate.ts';
import { meshState } from './mesh-state.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import { ConformanceError } from '../../helpers/trip/finding.ts';

/** A step of the upgrade itself: something a platform engineer does, and what must be so after it. */
export function operation(
  id: string,
  title: string,
  needs: readonly string[],
  run: (world: World) => Promise<void>,
): Step {
  return { id, section: 'upgrade', title, commands: [], needs, run };
}

/** `istioctl x precheck` of the version that is to come. */
export async function mustPassPrecheck(gate: Gate, images: ImageSet, from?: string): Promise<string> {
  const said = await istioctlOrFail('PRECHECK_FAILED', 'istioctl x precheck', () =>
    precheck(gate.session.cluster, images, from),
  );
  return said.trim();
}

/** Fails the step with this cause when istioctl ends with an error. */
export async function istioctlOrFail<T>(
  cause: CauseCode,
  command: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof IstioctlError)) throw error;
    fail(cause, error.output.trim() || error.message, `${command} ends without an error`);
  }
}

/** Installs the new version, beside the old one or in its place, and waits until its control plane serves. */
export async function mustInstall(gate: Gate, world: World): Promise<void> {
  const { session } = gate;
  const { to } = setsOf(session);
  const { revision } = gate.after;
  const text = await gate.fixtures.text('istio.yaml');
  const overlay = overlayOf(session.given, text, 'to');
  const options = { revision, upgrade: revision === undefined, overlay };
  try {
    await istioctlOrFail('UPGRADE_FAILED', 'istioctl', () =>
      installIstio(session.cluster, to, text, options),
    );
    await mustServe(gate, world, gate.after);
  } catch (error) {
    if (error instanceof ConformanceError) await noteMesh(gate, world);
    throw error;
  }
}

/** The control plane of a revision is ready and of the version that it should be. */
export async function mustServe(
  gate: Gate,
  world: World,
  { istio = '', revision, system }: Pick<Mesh, 'istio' | 'revision' | 'system'>,
): Promise<void> {
  const version = await versionServing(gate, { revision, system });
  world.note('istiod', version);
  mustEqual('UPGRADE_FAILED', "istiod's version", version, istio);
}

/** The version that a revision's control plane tells, once it is ready. */
export function versionServing(
  { kube }: Gate,
  { revision, system }: Pick<Mesh, 'revision' | 'system'>,
): Promise<string> {
  return waitOrFail('UPGRADE_FAILED', `istiod of revision ${revision ?? 'default'} is ready`, () =>
    controlPlaneVersion(kube, revision, system).catch(pullFailed),
  );
}

/** An upgrade whose control plane cannot be pulled has failed, whoever is to blame. */
function pullFailed(error: unknown): never {
  if (error instanceof EnvironmentError && error.code === 'IMAGE_NOT_PULLED') {
    fail('UPGRADE_FAILED', error.message, 'a ready control plane of the new version');
  }
  throw error;
}

/**
 * The pod's sidecar is of this version, and this revision's control plane says that it serves it.
 * A proxy that lost its control plane tries again with growing pauses, so that is waited for.
 */
export async function mustRunOn(gate: Gate, pod: V1Pod, mesh: Mesh): Promise<string> {
  const { sidecar } = mesh;
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const found = sidecarOf(pod);
  if (found === undefined) {
    fail(
      'SIDECAR_MISSING',
      `pod ${namespace}/${name} has no container istio-proxy`,
      'a container istio-proxy',
    );
  }
  if (sidecar.image !== undefined && found.image !== sidecar.image) {
    fail('NOT_TAKEN_OVER', `the sidecar of ${namespace}/${name} is ${found.image}`, sidecar.image);
  }
  const { istio } = await proxyVersions(gate.kube, { namespace, pod: name });
  const wanted = sidecar.istio ?? istio;
  const what = `the sidecar of ${namespace}/${name}`;
  if (sidecar.image !== undefined) mustEqual('SIDECAR_VERSION', what, istio, wanted);
  // Control plane and sidecar of a company are builds of their own.
  else mustEqual('NOT_TAKEN_OVER', what, releaseOf(istio), releaseOf(wanted));
  await mustBeServed(gate, `${name}.${namespace}`, mesh);
  return `${namespace}/${name}: ${istio}, ${found.kind}`;
}

/** The mesh's control plane says that it serves this sidecar. */
export async function mustBeServed(
  gate: Gate,
  proxy: string,
  { revision, system }: Pick<Mesh, 'revision' | 'system'>,
): Promise<void> {
  const plane = `the control plane ${revision ?? 'of the default revision'}`;
  await waitOrFail('NOT_TAKEN_OVER', `${proxy} is connected to ${plane}`, () =>
    eventually(
      `${plane} to serve ${proxy}`,
      async () => {
        const served = await servedBy(gate.kube, revision, system);
        if (served.some((one) => one.proxy === proxy)) return;
        throw new Error(`it serves ${served.map((one) => one.proxy).join(', ') || 'nobody'}`);
      },
      { timeoutMs: timeouts.controlPlaneSwitch, intervalMs: 250 },
    ),
  );
}

/** Does what restarts pods under the new version, and tells its own ways to fail apart. */
export async function restarting<T>(gate: Gate, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const said = messageOf(error);
    const { image = 'proxyv2' } = gate.after.sidecar;
    if (error instanceof EnvironmentError && error.code === 'IMAGE_NOT_PULLED' && isProxy(said, image)) {
      fail('PROXY_IMAGE_MISSING', said, 'the proxy image of the new version can be pulled');
    }
    if (error instanceof EventuallyError && /failed calling webhook|sidecar-injector/.test(said)) {
      fail('INJECTION_FAILED', said, 'pods are admitted, with a sidecar');
    }
    if (error instanceof EventuallyError) fail('WORKLOAD_NOT_READY', said, 'the restarted workload is ready');
    throw error;
  }
}

/** Whether a pull that failed was the sidecar's: whatever its tag, its image has a name of its own. */
function isProxy(said: string, reference: string): boolean {
  const repository = reference.replace(/[:@][^/]*$/, '');
  return said.includes(repository) || /\bproxyv2\b/.test(said);
}

/** Puts the mesh's state into the step's record: an upgrade that stopped half-way is reported as it is. */
export async function noteMesh(gate: Gate, world: World): Promise<readonly string[]> {
  const state = await meshState(gate.kube, gate.session).catch((error: unknown) => [messageOf(error)]);
  for (const [index, line] of state.entries()) world.note(`mesh ${index + 1}`, line);
  return state;
}

/** The one live pod of a workload. */
export async function onlyPod(gate: Gate, namespace: string, labels: string): Promise<V1Pod> {
  const [pod, ...more] = await livePods(gate.kube, namespace, labels);
  if (pod === undefined || more.length > 0) {
    fail(
      'WORKLOAD_NOT_READY',
      `${more.length + (pod === undefined ? 0 : 1)} pods ${labels} in ${namespace}`,
      'one',
    );
  }
  return pod;
}
