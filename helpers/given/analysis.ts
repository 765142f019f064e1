import type { KubernetesObject } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Cluster } from '../cluster/cluster.ts';
import { jsonIn } from '../errors.ts';
import type { ImageSet } from '../images/roles.ts';
import { istioctl, IstioctlError } from '../istio/istioctl.ts';
import { selects } from '../istio/taker-makers.ts';
import { nameOf } from '../kube/client.ts';
import type { Given, GivenProblem } from './given.ts';
import { placeOf } from './document.ts';

const messages = z.array(
  z.looseObject({
    code: z.string(),
    level: z.string(),
    message: z.string(),
    origin: z.string().default(''),
  }),
);

/**
 * What `istioctl analyze` of a set's version says of the user's objects in a cluster.
 * @throws IstioctlError when it cannot do its work
 */
export async function analysisOf(cluster: Cluster, images: ImageSet, given: Given): Promise<GivenProblem[]> {
  const said = await analyze(cluster, images);
  const start = said.indexOf('[');
  const found = messages.safeParse(jsonIn(said.slice(start, said.lastIndexOf(']') + 1)));
  if (!found.success) return [];
  return found.data.flatMap(({ code, level, message, origin }) => {
    const about = given.objects.find(({ object }) => namesOf(object).includes(origin));
    if (about === undefined || level === 'Info' || message.includes(everyFilter)) return [];
    const { file, line, object } = about;
    return [
      {
        level: level === 'Error' ? 'error' : 'warning',
        about: nameOf(object),
        message: `${code}: ${message}`,
        file,
        line,
      },
    ];
  });
}

/** Istio says it of each EnvoyFilter, whatever is in it. */
export const everyFilter = 'EnvoyFilter exposes internal implementation details';

/** It ends with an error where it finds one, and prints the same. */
async function analyze(cluster: Cluster, images: ImageSet): Promise<string> {
  try {
    return await istioctl(cluster, images.images.istioctl.reference, ['analyze', '-A', '--output', 'json']);
  } catch (error) {
    if (error instanceof IstioctlError && error.output.includes('"code"')) return error.output;
    throw error;
  }
}

function namesOf(object: KubernetesObject): string[] {
  const { namespace, name = '' } = object.metadata ?? {};
  return [nameOf(object), `${object.kind ?? ''} ${namespace ?? 'default'}/${name}`];
}

interface FilterSpec extends KubernetesObject {
  readonly spec?: {
    readonly configPatches?: readonly {
      readonly match?: { readonly proxy?: { readonly proxyVersion?: string } };
    }[];
  };
}

/** EnvoyFilters of the user's with patches that a proxy of one version gets, and one of another does not. */
export function patchesByVersion({ objects }: Given, from: string, to: string): GivenProblem[] {
  return objects.flatMap(({ object, document, file, line }) => {
    if (object.kind !== 'EnvoyFilter') return [];
    const patches = (object as FilterSpec).spec?.configPatches ?? [];
    return patches.flatMap(({ match }, index) => {
      const pattern = match?.proxy?.proxyVersion;
      if (pattern === undefined) return [];
      const [before, after] = [matches(pattern, from), matches(pattern, to)];
      if (before === after) return [];
      const place = placeOf(document, ['spec', 'configPatches', index, 'match', 'proxy', 'proxyVersion']);
      const message = before
        ? `proxyVersion ${pattern}: a proxy of ${to} does not get this patch any more`
        : `proxyVersion ${pattern}: proxies get this patch from ${to} on`;
      return [
        {
          level: 'warning',
          about: nameOf(object),
          message,
          file: place?.file ?? file,
          line: place?.line ?? line,
        },
      ];
    });
  });
}

/** As istiod asks: a regular expression that may match anywhere. */
function matches(pattern: string, version: string): boolean {
  try {
    return new RegExp(pattern).test(version);
  } catch {
    // It is written for another engine than this one; nothing is said of it then.
    return false;
  }
}

/** The user's objects that write Envoy's own configuration for a pod. */
export function writersFor(
  { objects }: Given,
  pod: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
  rootNamespace: string,
): string[] {
  return objects.flatMap(({ object }) => {
    const { kind = '', metadata } = object;
    if (!/^(?:EnvoyFilter|WasmPlugin|Telemetry)$/.test(kind)) return [];
    const namespace = metadata?.namespace ?? 'default';
    if (namespace !== pod.namespace && namespace !== rootNamespace) return [];
    const { spec = {} } = object as Selecting;
    const wanted = spec.workloadSelector?.labels ?? spec.selector?.matchLabels ?? {};
    return selects(wanted, pod.labels) ? [nameOf(object)] : [];
  });
}

interface Selecting extends KubernetesObject {
  readonly spec?: {
    readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
}
