import { eventually } from '../../helpers/eventually/eventually.ts';
import { answersDns, clusters, listeners, type Listener } from '../../helpers/istio/sidecar.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import { sidecar, type Expectation } from '../../helpers/trip/expectations.ts';
import { fail, waitOrFail } from './must.ts';
import { entryOf } from './service-entry.ts';
import type { World } from './world.ts';

/** Where the sidecar must send requests for the proxy. */
export function proxyClusterOf(world: World): string {
  return entryOf(world).cluster.name;
}

/** What the sidecar's line must say of a request on the document's way. */
export function documentsSidecar(world: World, upstream = world.proxy()): Expectation {
  return sidecar({ cluster: proxyClusterOf(world), upstream });
}

/**
 * Waits until Envoy itself holds the document's listener: from then on a request is judged by the new configuration.
 * The listener must hand on whatever comes as TCP, and its cluster must connect to the address the client asked for.
 * @param pod Another one of the client's namespace than the document's
 */
export async function sidecarMustTunnel(world: World, pod = world.sourcePod.get()): Promise<void> {
  const { port, listensOn, cluster } = entryOf(world);
  const allocated = listensOn.includes(anyAddress) && (await podAnswersDns(world, pod));
  const names: string[] = [];
  for (const ip of listensOn) {
    const found = await sidecarMust(
      world,
      allocated ? `have a listener on port ${port} for ${cluster.name}` : `have a listener on ${ip}:${port}`,
      (all) => {
        const match = allocated
          ? all.find((one) => isOn(one, port) && handsTo(one, cluster.name))
          : listenerOn(all, { ip, port });
        if (match !== undefined) return match;
        const others = all.filter(({ name }) => name.endsWith(`_${port}`)).map(({ name }) => name);
        throw new Error(
          others.length === 0
            ? `no listener on port ${port}`
            : `listeners on port ${port}: ${others.join(', ')}`,
        );
      },
      'LISTENER_MISSING',
      pod,
    );
    listenerMustTunnel(world, found);
    names.push(found.name);
  }
  world.note('listener', names.join(', '));
  await clusterMustBePlain(world, pod);
}

const anyAddress = '0.0.0.0';

async function podAnswersDns({ kube, namespaces }: World, name: string): Promise<boolean> {
  return answersDns(await kube.core.readNamespacedPod({ namespace: namespaces.mesh, name }));
}

function isOn({ address }: Listener, port: number): boolean {
  return address?.socket_address.port_value === port;
}

function handsTo(listener: Listener, cluster: string): boolean {
  return chainsOf(listener).some((chain) => chain.startsWith(`TcpProxy → ${cluster}`));
}

/** Waits until the sidecar's listeners are as `condition` wants them; it throws until they are. */
export async function sidecarMust<T>(
  world: World,
  what: string,
  condition: (all: readonly Listener[]) => T,
  cause: 'LISTENER_MISSING' | 'LISTENER_DIFFERS' = 'LISTENER_DIFFERS',
  name = world.sourcePod.get(),
): Promise<T> {
  const pod = { namespace: world.namespaces.mesh, pod: name };
  const expected = `the sidecar to ${what} within ${timeouts.configPush / 1000} s of the change`;
  return waitOrFail(cause, expected, () =>
    eventually(`the sidecar to ${what}`, async () => condition(await listeners(world.kube, pod)), {
      timeoutMs: timeouts.configPush,
      intervalMs: 50,
    }),
  );
}

/** The listener of one address and port; those of 0.0.0.0 are not one's own. */
export function listenerOn(all: readonly Listener[], { ip, port }: Endpoint): Listener | undefined {
  return all.find(({ address }) => {
    const { address: host, port_value } = address?.socket_address ?? {};
    return host === ip && port_value === port;
  });
}

/** What each filter chain of a listener ends in: `TcpProxy → cluster`, with its condition. */
export function chainsOf(listener: Listener): string[] {
  const { filter_chains, default_filter_chain } = listener;
  const chains = [...filter_chains, ...(default_filter_chain === undefined ? [] : [default_filter_chain])];
  return chains.map(({ filters, filter_chain_match }) => {
    const last = filters.at(-1);
    const kind = last?.typed_config?.['@type'].split('.').at(-1) ?? '?';
    const match = JSON.stringify(filter_chain_match ?? {});
    return `${kind} → ${last?.typed_config?.cluster ?? '(routes)'}${match === '{}' ? '' : ` when ${match}`}`;
  });
}

/** One chain that matches whatever comes and hands it on as TCP to the ServiceEntry's cluster. */
function listenerMustTunnel(world: World, found: Listener): void {
  const described = chainsOf(found);
  const wanted = `TcpProxy → ${proxyClusterOf(world)}`;
  if (described.length !== 1 || described[0] !== wanted) {
    fail(
      'LISTENER_DIFFERS',
      `listener ${found.name}: ${described.join('; ') || 'no filter chain'}`,
      `one filter chain without conditions: ${wanted}`,
    );
  }
}

/** The cluster goes to the address the client asked for, and adds no TLS of its own. */
async function clusterMustBePlain(world: World, podName: string): Promise<void> {
  const pod = { namespace: world.namespaces.mesh, pod: podName };
  const { name, type } = entryOf(world).cluster;
  const found = (await clusters(world.kube, pod)).find((cluster) => cluster.name === name);
  const seen =
    found === undefined
      ? `no cluster ${name}`
      : [
          `type ${found.type ?? '(none)'}`,
          ...[found.transport_socket, ...(found.transport_socket_matches ?? [])].flatMap((socket) =>
            socket === undefined ? [] : [`transport socket ${socket.name}`],
          ),
        ].join(', ');
  if (seen !== `type ${type}`) {
    fail('CLUSTER_DIFFERS', `${name}: ${seen}`, `${name}: type ${type}, no transport socket`);
  }
}
