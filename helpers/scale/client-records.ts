import { formatEndpoint, parseEndpoint, type Endpoint } from '../trip/endpoint.ts';
import { unknownExitCode } from '../trip/curl.ts';
import type { ClientStatement } from '../trip/statements.ts';
import { tripId } from './tunnels-conf.ts';

/** One wave of one pod, as fixtures/scale/tunnels.sh told of it. */
export interface Wave {
  readonly pod: { readonly namespace: string; readonly name: string; readonly ip: string };
  readonly wave: number;
  readonly tunnels: number;
  /** Its lines from `begin` to `end`; what came of them, where it broke off. */
  readonly lines: readonly string[];
  /** Why it broke off; undefined for one that came to its end. */
  readonly problem?: string | undefined;
}

/**
 * What the client of each tunnel says, all of the wave's, in their order: one of which nothing was heard says so by its
 * exit code. Their times are the wave's, whole seconds of the node's clock.
 * @param from, until The wave by the runner's clock, where the pod does not tell
 */
export function clientStatements(
  { pod, wave, tunnels, lines, problem }: Wave,
  runner: { readonly from: number; readonly until: number },
): { readonly id: string; readonly client: ClientStatement }[] {
  const fields = lines.map((line) => line.split('|'));
  const trips = new Map(fields.filter(([kind]) => kind === 'trip').map((own) => [own[1] ?? '', own]));
  const titles = new Map(
    fields
      .filter(([kind]) => kind === 'title')
      .map(([, number, ...words]) => [Number(number), words.join('|')]),
  );
  const second = (kind: string): number | undefined => {
    const at = Number(fields.find((own) => own[0] === kind)?.[2]);
    return Number.isInteger(at) ? at * 1000 : undefined;
  };
  const startedAt = second('begin') ?? runner.from;
  const ended = second('end');
  const endedAt = ended === undefined ? runner.until : ended + 1000;
  const curl = fields.find(([kind]) => kind === 'end')?.[3];
  return Array.from({ length: tunnels }, (_none, index) => {
    const id = tripId(pod.name, wave, index + 1);
    const own = trips.get(id);
    const [exit, status, connect, localIp, localPort, remoteIp, remotePort, bytes, seconds, ...words] =
      own?.slice(2) ?? [];
    const exitCode = own === undefined ? unknownExitCode : Number(exit);
    const silent = problem ?? `curl gave no figures of it${curl === undefined ? '' : ` (exit code ${curl})`}`;
    const message = own === undefined ? silent : words.join('|');
    return {
      id,
      client: {
        witness: 'client',
        pod: `${pod.namespace}/${pod.name}`,
        podIp: pod.ip,
        command: `curl --parallel --config tunnels.conf # wave ${wave}, tunnel ${index + 1}`,
        exitCode,
        errorMessage: exitCode === 0 ? '' : message,
        local: endpoint(localIp, localPort),
        remote: endpoint(remoteIp, remotePort),
        httpStatus: Number(status ?? 0),
        connectStatus: Number(connect ?? 0),
        bytesDownloaded: Number(bytes ?? 0),
        title: titles.get(index + 1),
        startedAt,
        endedAt,
        timeTotalMs: Math.round(Number(seconds ?? 0) * 1000),
      },
    };
  });
}

function endpoint(ip = '', port = '0'): Endpoint | undefined {
  return ip === '' ? undefined : parseEndpoint(formatEndpoint({ ip, port: Number(port) }));
}
