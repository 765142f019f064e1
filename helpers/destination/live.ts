import { EnvHttpProxyAgent, request } from 'undici';
import { messageOf } from '../errors.ts';
import { timeouts } from '../timeouts.ts';
import { documentUrl } from './destination.ts';

/**
 * Whether the real destination answers from here, within `timeouts.probe`. Corporate proxy variables are honoured.
 * The probe is a HEAD: what counts is an answer, whatever it says.
 */
export async function liveAnswers(url: string = documentUrl): Promise<{ answers: boolean; because: string }> {
  const dispatcher = new EnvHttpProxyAgent();
  const { host } = new URL(url);
  try {
    const { statusCode, body } = await request(url, {
      method: 'HEAD',
      dispatcher,
      // Wikimedia limits clients that do not say who they are.
      headers: { 'user-agent': 'istio-external-proxy-conformance (reachability probe)' },
      signal: AbortSignal.timeout(timeouts.probe),
    });
    await body.dump();
    return { answers: true, because: `${host} answered ${statusCode} from here` };
  } catch (error) {
    const why = error instanceof Error && error.name === 'TimeoutError' ? 'timed out' : messageOf(error);
    return {
      answers: false,
      because: `${host} does not answer from here within ${timeouts.probe / 1000} s (${why})`,
    };
  } finally {
    await dispatcher.destroy();
  }
}
