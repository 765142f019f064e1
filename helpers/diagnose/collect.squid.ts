import type { Collector } from './collector.ts';
import { containersOf, sidecarContainer, type Pod, type PodList } from './collect.pods.ts';
import { output, type Source } from './source.ts';
import { endOf, logLimits } from './texts.ts';

/** Squid's configuration and logs: files in its container, since it does not write them to its output. */
export function squidCollectors({ source, listed }: PodList): Collector[] {
  return listed.flatMap(({ pod }) => ofPod(source, pod));
}

function ofPod(source: Source, pod: Pod): Collector[] {
  if (pod.metadata.labels['app'] !== 'squid') return [];
  const { namespace, name } = pod.metadata;
  const container =
    containersOf(pod).find((candidate) => candidate === 'squid') ??
    pod.spec.containers.find((candidate) => candidate.name !== sidecarContainer)?.name ??
    'squid';
  const target = { namespace, pod: name, container };
  const folder = `squid/${namespace}.${name}`;
  const tail = (path: string): Promise<string> =>
    output(source, target, ['tail', '-n', String(logLimits.lines + 1), path]);
  return [
    {
      file: `${folder}/squid.conf`,
      what: 'The configuration that Squid reads',
      collect: async () => ({ text: await output(source, target, ['cat', '/etc/squid/squid.conf']) }),
    },
    {
      file: `${folder}/access.log`,
      what: "Squid's access log: a line a request",
      collect: async () => endOf(await tail('/var/log/squid/access.log')),
    },
    {
      file: `${folder}/cache.log`,
      what: "Squid's own log",
      collect: async () => {
        try {
          return endOf(await tail('/var/log/squid/cache.log'));
        } catch (error) {
          // Not every configuration writes one.
          if (error instanceof Error && /No such file/i.test(error.message)) return undefined;
          throw error;
        }
      },
    },
  ];
}
