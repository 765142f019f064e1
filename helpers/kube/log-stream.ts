import { request, type RequestOptions } from 'node:https';
import type { Kube } from './client.ts';
import type { PodRef } from './exec.ts';

/**
 * One request for a followed log, until it ends. The client library's own `Log` leaves the error of an aborted
 * stream without a listener, which ends the process.
 * @param since the kubelet's timestamp to go on from, '' for the beginning
 * @throws PodGone, or Error with what the API server answered
 */
export async function followLog(
  kube: Kube,
  { namespace, pod, container }: PodRef,
  since: string,
  { opened, signal }: { readonly opened: () => void; readonly signal: AbortSignal },
  onData: (chunk: Buffer) => void,
): Promise<void> {
  const server = kube.config.getCurrentCluster()?.server ?? '';
  const url = new URL(`${server}/api/v1/namespaces/${namespace}/pods/${pod}/log`);
  url.search = new URLSearchParams({
    container,
    follow: 'true',
    timestamps: 'true',
    ...(since === '' ? {} : { sinceTime: since }),
  }).toString();
  const options: RequestOptions = {};
  await kube.config.applyToHTTPSOptions(options);
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error): void => {
      if (error === undefined || signal.aborted) resolve();
      else reject(error);
    };
    const outgoing = request(url, { ...options, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        const gone = response.statusCode === 404;
        settle(gone ? new PodGone() : new Error(`the API server answered ${response.statusCode ?? '?'}`));
        return;
      }
      opened();
      response.on('data', onData);
      response.once('end', settle);
      response.once('error', settle);
    });
    outgoing.once('error', settle);
    outgoing.end();
  });
}

/** There is no such pod. */
export class PodGone extends Error {
  constructor() {
    super('the API server answered 404');
  }
}
