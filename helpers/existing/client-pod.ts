import { randomBytes } from 'node:crypto';
import {
  PatchStrategy,
  setHeaderOptions,
  type V1EphemeralContainer,
  type V1Pod,
} from '@kubernetes/client-node';
import { EnvironmentError, UsageError } from '../errors.ts';
import { eventually, EventuallyError, Hopeless } from '../eventually/eventually.ts';
import { sidecarOf } from '../istio/sidecar.ts';
import { apiMessage, unlessRefused, type Kube } from '../kube/client.ts';
import { unprivileged } from '../kube/dress.ts';
import { exec, ExecError, type PodRef } from '../kube/exec.ts';
import { describePod, isReady, PullWatch } from '../kube/workloads.ts';
import { timeouts } from '../timeouts.ts';
import { podOf, toldClient, type ClientName } from './client-name.ts';

/** The user's pod that requests are sent from, and which the run leaves as it is; plain data. */
export interface ClientPod extends PodRef {
  /** Tells this pod from a later one of the same name. */
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The ephemeral container that the run added; undefined where the pod has a curl of its own. */
  readonly added: string | undefined;
  /** What asks, for people. */
  readonly label: string;
}

/** A pod that can be the client, before anything is done to it. */
export interface FoundClient extends Omit<ClientPod, 'added'> {
  /** Why no container of it can ask as it is; undefined where one can. */
  readonly lacks: string | undefined;
}

/**
 * Looks whether requests can be sent from this pod, and changes nothing.
 * @throws UsageError when there is no such pod or container, or it has no sidecar
 * @throws EnvironmentError when it is not ready
 */
export async function findClient(kube: Kube, name: ClientName): Promise<FoundClient> {
  const { namespace } = name;
  const pod = await podOf(kube, name);
  const podName = pod.metadata?.name ?? '';
  const where = `${namespace}/${podName}`;
  const container = containerOf(pod, name);
  if (pod.metadata?.deletionTimestamp !== undefined) {
    throw new EnvironmentError(
      `--client ${where}: the pod is being deleted`,
      'Choose the one that takes its place.',
    );
  }
  if (!isReady(pod)) {
    throw new EnvironmentError(
      `--client ${where}: the pod is not ready: ${describePod(pod)}`,
      'Requests are sent from a pod that serves: wait until it is ready, or choose another one.',
    );
  }
  const target = { namespace, pod: podName, container };
  const tools = await toolsIn(kube, target);
  return {
    ...target,
    uid: pod.metadata?.uid ?? '',
    labels: pod.metadata?.labels ?? {},
    lacks: 'lacks' in tools ? tools.lacks : undefined,
    label: `${where} (${container})${'curl' in tools ? `, by its own curl ${tools.curl}` : ''}`,
  };
}

/** Whether this very pod is there, and stays. */
export async function isStill(kube: Kube, { namespace, pod, uid }: ClientPod): Promise<boolean> {
  const now = await kube.core.readNamespacedPod({ namespace, name: pod }).catch(unlessRefused(404));
  return now?.metadata?.uid === uid && now.metadata.deletionTimestamp === undefined;
}

/** @throws UsageError when it is not clear, not there, or the pod is not in the mesh */
function containerOf(pod: V1Pod, name: ClientName): string {
  const where = toldClient(name);
  const { container } = name;
  if (sidecarOf(pod) === undefined) {
    throw new UsageError(
      `--client ${where}: the pod has no sidecar: no container istio-proxy`,
      'Choose a pod that is in the mesh. A pod that is older than its namespace’s label gets its sidecar when it is replaced.',
    );
  }
  const names = (pod.spec?.containers ?? []).map((one) => one.name).filter((one) => one !== 'istio-proxy');
  if (container === undefined) {
    const [only] = names;
    if (only !== undefined && names.length === 1) return only;
    throw new UsageError(
      `--client ${where}: the pod has several containers: ${names.join(', ')}`,
      `Say which one asks: --client ${where}/CONTAINER`,
    );
  }
  if (names.includes(container)) return container;
  throw new UsageError(
    container === 'istio-proxy'
      ? `--client ${where}/istio-proxy: what the sidecar's own container sends does not go through the sidecar`
      : `--client ${where}/${container}: the pod has no such container`,
    `It has ${names.join(', ')}.`,
  );
}

/** The oldest curl that tells what is judged, as JSON with its own exit code. */
const oldestCurl = [7, 75] as const;

/** Its own curl's version, or what it lacks to send a request. */
async function toolsIn(
  kube: Kube,
  target: PodRef,
): Promise<{ readonly curl: string } | { readonly lacks: string }> {
  const script =
    'for tool in curl cat date rm; do command -v $tool >/dev/null || { echo "no $tool"; exit 1; }; done; curl --version';
  let said: string;
  try {
    const { exitCode, stdout } = await exec(kube, target, ['sh', '-c', script]);
    said = stdout.split('\n')[0]?.trim() ?? '';
    if (exitCode !== 0) return { lacks: said === '' ? `sh ends with exit code ${exitCode}` : said };
  } catch (error) {
    // Without a shell, or anything else that could be run.
    if (error instanceof ExecError) return { lacks: 'no shell' };
    throw error;
  }
  const [, version = '', major = '0', minor = '0'] = /^curl ((\d+)\.(\d+)\S*)/.exec(said) ?? [];
  const [leastMajor, leastMinor] = oldestCurl;
  const isNew = Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
  return isNew ? { curl: version } : { lacks: `curl ${version || 'of an unknown version'}, older than 7.75` };
}

/** Said before the ephemeral container is added. */
export function toldAddition({ label, lacks = '' }: FoundClient, image: string): string {
  return `  client: ${label} lacks what a request needs (${lacks}), so an ephemeral container with ${image} is added to the pod. It is ended with the run; its description stays in the pod's until the pod is replaced`;
}

/**
 * Adds an ephemeral container with curl to a pod, and waits until it runs. Kubernetes cannot take one away: its
 * description stays in the pod's until the pod is replaced.
 * @throws EnvironmentError when the cluster refuses it, or its image cannot be pulled or does not run
 */
export async function addCurl(kube: Kube, found: FoundClient, image: string): Promise<ClientPod> {
  const { lacks: _lacks, namespace, pod, ...rest } = found;
  const name = `conformance-curl-${randomBytes(2).toString('hex')}`;
  const container: V1EphemeralContainer = {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    // A run ends it; of one that was killed it ends by itself.
    command: ['/bin/sh', '-c', `trap 'exit 0' TERM; sleep 43200 & wait`],
    securityContext: unprivileged,
  };
  try {
    await kube.core.patchNamespacedPodEphemeralcontainers(
      { namespace, name: pod, body: { spec: { ephemeralContainers: [container] } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
  } catch (error) {
    throw new EnvironmentError(
      `The pod ${namespace}/${pod} takes no ephemeral container: ${apiMessage(error)}`,
      'Choose a pod that has curl in its image, or have the namespace let this container in.',
      { cause: error },
    );
  }
  await mustRun(kube, { namespace, pod, container: name }, image);
  return {
    ...rest,
    ...{ namespace, pod, container: name, added: name },
    label: `${namespace}/${pod}, by the ephemeral container ${name} (${image})`,
  };
}

async function mustRun(kube: Kube, { namespace, pod, container }: PodRef, image: string): Promise<void> {
  const pulls = new PullWatch(
    'Give an image with sh and curl that the nodes can pull: --client-image REFERENCE',
  );
  const what = `the ephemeral container ${container} of ${namespace}/${pod} to run`;
  try {
    await eventually(
      what,
      async () => {
        const now = await kube.core.readNamespacedPod({ namespace, name: pod });
        const status = now.status?.ephemeralContainerStatuses?.find(({ name }) => name === container);
        if (status !== undefined) pulls.mustGoOn(now, [status]);
        const { running, terminated, waiting } = status?.state ?? {};
        if (running !== undefined) return;
        if (terminated !== undefined) {
          throw new Hopeless(`it ended: ${terminated.message ?? terminated.reason ?? terminated.exitCode}`);
        }
        throw new Error(waiting?.reason ?? 'the kubelet has not begun it');
      },
      { timeoutMs: timeouts.workloadReady, intervalMs: 200 },
    );
  } catch (error) {
    if (!(error instanceof EventuallyError)) throw error;
    throw new EnvironmentError(
      error.message,
      `Image ${image} must have sh, cat, date and curl; take another one with --client-image REFERENCE.`,
      { cause: error },
    );
  }
}

/** Ends the ephemeral container that the run added. @returns why it could not be ended; undefined when it was */
export async function endCurl(kube: Kube, { added, ...target }: ClientPod): Promise<string | undefined> {
  if (added === undefined) return undefined;
  try {
    await exec(kube, target, ['sh', '-c', 'kill -TERM 1']);
    return undefined;
  } catch (error) {
    // The connection may close with what it runs in.
    const { namespace, pod, container } = target;
    const now = await kube.core.readNamespacedPod({ namespace, name: pod }).catch(unlessRefused(404));
    const status = now?.status?.ephemeralContainerStatuses?.find(({ name }) => name === container);
    if (status?.state?.running === undefined) return undefined;
    return apiMessage(error);
  }
}
