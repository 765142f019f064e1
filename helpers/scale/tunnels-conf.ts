import { heldPath, paddingRepeats } from '../destination/held-page.ts';
import { userAgent } from '../trip/origin.ts';
import { holdSeconds, type Load } from './load.ts';

/** Headers and page as they are without padding, roughly. */
const plainBytes = 560;
/** Characters more that each tunnel asks for than the one before: of as many bytes in Squid's log nobody else's is. */
const step = 8;

/** Names of a trip: unique, and in the user agent, which the origin logs. */
export function tripId(pod: string, wave: number | string, tunnel: number): string {
  return `${pod}-w${wave}-t${tunnel}`;
}

/** curl's figures of one trip, as fixtures/scale/tunnels.sh says. */
const figures =
  '%{exitcode}|%{http_code}|%{http_connect}|%{local_ip}|%{local_port}|%{remote_ip}|%{remote_port}|%{size_download}|%{time_total}|%{errormsg}';

/**
 * curl's configuration for the tunnels of one pod. Each asks for the page with another padding, since Squid's log tells
 * a pod's tunnels apart by their bytes alone, and so slowly that it lasts until all the others are open.
 * POD, WAVE and STATE are filled in there.
 */
export function tunnelsConf(load: Load, destination: string): string {
  const seconds = holdSeconds(load);
  const requests = Array.from({ length: load.tunnels }, (_none, index) => {
    const padding = 'x'.repeat(index * step);
    const rate = Math.ceil((plainBytes + padding.length * paddingRepeats) / seconds);
    const url = new URL(heldPath, destination);
    url.search = new URLSearchParams({ rate: String(rate), p: padding }).toString();
    const id = tripId('POD', 'WAVE', index + 1);
    return [
      `url = "${url.href}"`,
      `user-agent = "${userAgent(id)}"`,
      'cacert = "/scale/ca.crt"',
      `max-time = ${seconds * 3 + 60}`,
      `output = "STATE/page-${index + 1}"`,
      `write-out = "trip|${id}|${figures}\\n"`,
    ].join('\n');
  });
  return `${requests.join('\nnext\n')}\n`;
}
