import { z } from 'zod';
import { textTable } from '../text-table.ts';
import { objectsAt } from './collect.objects.ts';
import { given, type Collector } from './collector.ts';
import { listObjects, type Api, type ApiObject, type Source } from './source.ts';
import { manifests } from './texts.ts';

export function istioCollectors(api: Api): Collector[] {
  return [
    kindsCollector(api),
    configurationCollector(api),
    webhooks(api, 'mutating', 'who injects, for which namespaces, and where the API server asks'),
    webhooks(api, 'validating', 'who validates, and where the API server asks'),
  ];
}

interface Kind {
  readonly groupVersion: string;
  readonly kind: string;
  readonly plural: string;
}

/** All kinds of Istio's API groups with how many there are of each: that there is none is evidence too. */
function kindsCollector(api: Api): Collector {
  return {
    file: 'istio/kinds.txt',
    what: "All kinds of Istio's API groups, and how many objects there are of each",
    collect: async (signal) => {
      const kinds = await istioKinds(api, signal);
      const counted = await Promise.all(
        kinds.map(async (kind) => {
          const objects = await listObjects(api, `/apis/${kind.groupVersion}/${kind.plural}`, signal);
          return { ...kind, objects };
        }),
      );
      return {
        text: textTable(
          ['KIND', 'API VERSION', 'OBJECTS', 'NAMES'],
          counted.map(({ kind, groupVersion, objects }) => [
            kind,
            groupVersion,
            String(objects.length),
            objects.map(nameOf).join(', '),
          ]),
        ),
        more: counted
          .filter(({ objects }) => objects.length > 0)
          .map(({ kind, plural, objects }) =>
            given(`istio/${plural}.yaml`, `${kind}: ${objects.map(nameOf).join(', ')}`, () =>
              manifests(objects),
            ),
          ),
      };
    },
  };
}

const metadata = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

function nameOf(object: ApiObject): string {
  const { name, namespace } = metadata.parse(object).metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

const version = z.looseObject({ groupVersion: z.string() });
const groupList = z.object({
  groups: z.array(z.looseObject({ name: z.string(), preferredVersion: version, versions: z.array(version) })),
});
const resourceList = z.object({
  resources: z.array(z.looseObject({ name: z.string(), kind: z.string(), verbs: z.array(z.string()) })),
});

async function istioKinds(api: Api, signal: AbortSignal): Promise<Kind[]> {
  const { groups } = groupList.parse(JSON.parse(await api.get('/apis', signal)));
  const perGroup = await Promise.all(
    groups
      .filter(({ name }) => name.endsWith('.istio.io'))
      .map(async ({ preferredVersion, versions }) => {
        const perVersion = await Promise.all(
          [preferredVersion, ...versions].map(({ groupVersion }) => kindsOf(api, groupVersion, signal)),
        );
        // Not every kind is in the preferred version, EnvoyFilter for one; the first that has a kind will do.
        return [
          ...new Map(
            perVersion
              .flat()
              .reverse()
              .map((kind) => [kind.plural, kind]),
          ).values(),
        ].reverse();
      }),
  );
  return perGroup.flat();
}

async function kindsOf(api: Api, groupVersion: string, signal: AbortSignal): Promise<Kind[]> {
  const { resources } = resourceList.parse(JSON.parse(await api.get(`/apis/${groupVersion}`, signal)));
  return resources
    .filter(({ name, verbs }) => !name.includes('/') && verbs.includes('list'))
    .map(({ name, kind }) => ({ groupVersion, kind, plural: name }));
}

/** What istiod reads of each revision: MeshConfig, the injector's template and its values; not its certificates and locks. */
const settings = /^(istio|istio-sidecar-injector|values)(-(?!ca-|leader|.*election|ip-)|$)/;

/** One ConfigMap a revision and purpose; the default revision's have plain names. */
function configurationCollector(api: Api): Collector {
  return {
    file: 'istio/configmaps.txt',
    what: 'ConfigMaps of istio-system: MeshConfig, injector and values of each revision have files of their own',
    collect: async (signal) => {
      const objects = await listObjects(api, '/api/v1/namespaces/istio-system/configmaps', signal);
      const names = objects.map((object) => metadata.parse(object).metadata.name);
      return {
        text: `${names.join('\n')}\n`,
        more: objects.flatMap((object, index) => {
          const name = names[index] ?? '';
          return settings.test(name)
            ? [given(`istio/configmap-${name}.yaml`, `ConfigMap ${name}`, () => manifests([object]))]
            : [];
        }),
      };
    },
  };
}

function webhooks(api: Api, kind: 'mutating' | 'validating', what: string): Collector {
  const path = `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;
  return objectsAt(api, `istio/webhooks-${kind}.yaml`, `Webhooks: ${what}`, path);
}

export function istioctlCollectors({ istioctl }: Source): Collector[] {
  if (istioctl === undefined) return [];
  const commands = [
    ['analyze.txt', 'what istioctl finds wrong', ['analyze', '--all-namespaces']],
    ['proxy-status.txt', 'whether each Envoy has the newest configuration', ['proxy-status']],
    ['version.txt', 'versions of client, control plane and data plane', ['version']],
  ] as const;
  return commands.map(([file, what, args]) => ({
    file: `istioctl/${file}`,
    what: `\`istioctl ${args.join(' ')}\`: ${what}`,
    collect: async () => ({ text: await istioctl(args) }),
  }));
}
