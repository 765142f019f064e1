import type { Cluster } from '../cluster/cluster.ts';
import { messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/deadline.ts';
import type { ImageSet } from '../images/roles.ts';
import { istioctl, IstioctlError } from '../istio/istioctl.ts';
import { connect } from '../kube/client.ts';
import { exec } from '../kube/exec.ts';
import { timeouts } from '../timeouts.ts';
import type { Endpoint } from '../trip/statements.ts';
import { openApi, within, type Api } from './api.ts';
import type { Source } from './source.ts';

/**
 * A cluster to ask, once it is certain that it answers: forty questions to an API server that is gone would take
 * the whole time.
 * @param limitMs for one question
 * @throws Error with the reason, when it does not answer
 */
export async function openSource(
  request: {
    readonly cluster: Cluster;
    readonly images: ImageSet | undefined;
    readonly proxy: Endpoint | undefined;
    /** Those that may be looked at; all when not given. */
    readonly namespaces?: readonly string[] | undefined;
  },
  limitMs: number,
): Promise<Source> {
  const { cluster, images, proxy, namespaces } = request;
  const kube = connect(cluster.kubeconfig);
  const whole = await openApi(kube);
  const api = namespaces === undefined ? whole : within(whole, namespaces);
  await mustAnswer(api);
  const image = images?.images.istioctl.reference;
  return {
    api,
    proxy,
    exec: (target, command) => exec(kube, target, command, { timeoutMs: limitMs }),
    istioctl: image === undefined ? undefined : (args) => saidByIstioctl(cluster, image, args, limitMs),
  };
}

async function mustAnswer(api: Api): Promise<void> {
  const abandoned = new AbortController();
  try {
    const answer = await orLate(api.get('/version', abandoned.signal), timeouts.probe);
    if (answer === late) throw new Error(`no answer within ${timeouts.probe / 1000} s`);
  } catch (error) {
    throw new Error(`the API server does not answer: ${messageOf(error)}`, { cause: error });
  } finally {
    abandoned.abort();
  }
}

/** That istioctl found something wrong is what is wanted here, and an exit code is how it says so. */
async function saidByIstioctl(
  cluster: Cluster,
  image: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<string> {
  try {
    return await istioctl(cluster, image, args, { timeoutMs });
  } catch (error) {
    if (error instanceof IstioctlError) return `${error.output}\n`;
    throw error;
  }
}
