import { probe } from '../probe.ts';
import { timeouts } from '../timeouts.ts';

/**
 * Whether a destination answers from here, within `timeouts.probe`. The probe is a HEAD: what counts is an
 * answer, whatever it says.
 */
export async function answersFromHere(url: string): Promise<{ answers: boolean; because: string }> {
  const { host } = new URL(url);
  // Wikimedia limits clients that do not say who they are.
  const headers = { 'user-agent': 'istio-external-proxy-conformance (reachability probe)' };
  const [answer] = await probe([{ url, method: 'HEAD', headers }]);
  if (answer?.status !== undefined) {
    return { answers: true, because: `${host} answered ${answer.status} from here` };
  }
  const because = `${host} does not answer from here within ${timeouts.probe / 1000} s (${answer?.problem ?? ''})`;
  return { answers: false, because };
}
