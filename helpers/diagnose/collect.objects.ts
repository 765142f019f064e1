import { z } from 'zod';
import { textTable } from '../text-table.ts';
import type { Collector } from './collector.ts';
import { listObjects, type Api } from './source.ts';
import { manifests } from './texts.ts';

const objects: readonly (readonly [file: string, what: string, path: string])[] = [
  ['objects/namespaces.yaml', 'Namespaces with their labels', '/api/v1/namespaces'],
  ['objects/services.yaml', 'Services', '/api/v1/services'],
  ['objects/endpointslices.yaml', 'EndpointSlices', '/apis/discovery.k8s.io/v1/endpointslices'],
  ['objects/networkpolicies.yaml', 'NetworkPolicies', '/apis/networking.k8s.io/v1/networkpolicies'],
];

/** Kubernetes' own objects that decide about traffic. */
export function objectCollectors(api: Api): Collector[] {
  return objects.map(([file, what, path]) => objectsAt(api, file, what, path));
}

export function objectsAt(api: Api, file: string, what: string, path: string): Collector {
  return {
    file,
    what,
    collect: async (signal) => ({ text: manifests(await listObjects(api, path, signal)) }),
  };
}

export function eventCollector(api: Api): Collector {
  return {
    file: 'events.txt',
    what: 'Events of all namespaces, oldest first',
    collect: async (signal) => ({ text: await eventTable(api, signal) }),
  };
}

const event = z.looseObject({
  metadata: z.looseObject({ namespace: z.string().default(''), creationTimestamp: z.string().nullish() }),
  involvedObject: z.looseObject({ kind: z.string().default(''), name: z.string().default('') }),
  type: z.string().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  count: z.number().nullish(),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
});

async function eventTable(api: Api, signal: AbortSignal): Promise<string> {
  const events = (await listObjects(api, '/api/v1/events', signal)).map((object) => {
    const { metadata, involvedObject, ...rest } = event.parse(object);
    const time = rest.lastTimestamp ?? rest.eventTime ?? metadata.creationTimestamp ?? '';
    const about = `${involvedObject.kind}/${involvedObject.name}`;
    return [
      time.slice(0, 19),
      metadata.namespace,
      rest.type ?? '',
      rest.reason ?? '',
      String(rest.count ?? 1),
      about,
      rest.message ?? '',
    ] as const;
  });
  const sorted = events.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return textTable(['LAST SEEN (UTC)', 'NAMESPACE', 'TYPE', 'REASON', 'COUNT', 'OBJECT', 'MESSAGE'], sorted);
}
