import { request } from 'node:http';
import { Duplex, PassThrough } from 'node:stream';
import { PortForward } from '@kubernetes/client-node';
import { isLate } from '../errors.ts';
import { late, orLate } from '../eventually/eventually.ts';
import { timeouts } from '../timeouts.ts';
import { apiMessage, type Kube } from './client.ts';
import { ExecError, sink } from './exec.ts';

/**
 * The body of an HTTP answer from a port on the pod's own loopback address, by a forwarded port: no process starts in the pod.
 * @throws ExecError when the pod cannot be asked, or says nothing in time
 * @throws Error when nothing listens on the port, or the answer is not 200
 */
export async function getFromPod(
  kube: Kube,
  { namespace, pod }: { readonly namespace: string; readonly pod: string },
  port: number,
  path: string,
): Promise<string> {
  const what = `Asking port ${port} of ${namespace}/${pod} for ${path}`;
  const [toPod, fromPod] = [new PassThrough(), new PassThrough()];
  let problem = '';
  const opening = new PortForward(kube.config).portForward(
    namespace,
    pod,
    [port],
    fromPod,
    sink((chunk) => (problem += chunk.toString('utf8'))),
    toPod,
  );
  const socket = await orLate(opening, timeouts.exec).catch((error: unknown) => {
    throw new ExecError(`${what}: the API server refused: ${apiMessage(error)}`, { cause: error });
  });
  if (socket === late) {
    void closeOnceOpen(opening);
    throw new ExecError(`${what}: the API server opens no way within ${timeouts.exec / 1000} s`);
  }
  if (typeof socket === 'function') throw new TypeError('a port forward without retries has a socket');
  socket.onclose = () => fromPod.end();
  try {
    return await answerOf(Duplex.from({ readable: fromPod, writable: toPod }), path);
  } catch (error) {
    const why = `${what}: ${problem === '' ? apiMessage(error) : problem.trim()}`;
    throw isLate(error) ? new ExecError(why, { cause: error }) : new Error(why, { cause: error });
  } finally {
    socket.close();
  }
}

async function closeOnceOpen(opening: ReturnType<PortForward['portForward']>): Promise<void> {
  const socket = await opening.catch(() => undefined);
  if (typeof socket === 'object') socket.close();
}

async function answerOf(connection: Duplex, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({
    createConnection: () => connection,
    path: `/${path}`,
    headers: { host: 'localhost', connection: 'close' },
    signal: AbortSignal.timeout(timeouts.exec),
  });
  asked.once('error', reject);
  asked.once('response', (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.once('error', reject);
    response.once('end', () => {
      const body = Buffer.concat(pieces).toString('utf8');
      if (response.statusCode === 200) resolve(body);
      else reject(new Error(`${response.statusCode ?? 0}: ${body.slice(0, 300)}`));
    });
  });
  asked.end();
  return promise;
}
