import { apiRefusal, containerEngine } from '../engine.ts';
import { keptInUse } from './in-use.ts';
import { decodeOwner, isAlive, labelKeys } from './labels.ts';

/**
 * Removes what runs left behind: containers with their volumes, and networks, that carry this suite's label
 * and whose owner is gone. A kept cluster stays unless `kept` is set; a run that is still going stays always.
 * @param only when given, just this run's
 */
export async function sweep(
  options: { readonly kept?: boolean; readonly only?: string } = {},
): Promise<{ readonly containers: readonly string[]; readonly networks: readonly string[] }> {
  const { container, network } = await containerEngine();
  const { run, owner, kept } = labelKeys;
  const used = options.kept === true ? await keptInUse() : new Map<string, unknown>();
  const mayGo = (labels: Readonly<Record<string, string>> = {}): boolean => {
    if (labels[run] === undefined) return false;
    if (options.only !== undefined) return labels[run] === options.only;
    if (labels[kept] === 'true') return options.kept === true && !used.has(labels[run]);
    const holder = decodeOwner(labels[owner] ?? '');
    return holder === undefined || !isAlive(holder);
  };
  const { dockerode } = container;
  const filters = { label: [run] };
  const containers = (await dockerode.listContainers({ all: true, filters })).filter(({ Labels }) =>
    mayGo(Labels),
  );
  await Promise.all(
    containers.map(({ Id }) =>
      apiRefusal.ignore([404, 409], dockerode.getContainer(Id).remove({ force: true, v: true })),
    ),
  );
  const networks = (await dockerode.listNetworks({ filters })).filter(({ Labels }) => mayGo(Labels));
  await Promise.all(
    networks.map(({ Id }) =>
      // 403: another run sweeps the same, and has not removed its containers yet.
      apiRefusal.ignore([403, 404], network.getById(Id).remove() as Promise<unknown>),
    ),
  );
  return {
    containers: containers.map(({ Names, Id }) => Names[0]?.replace(/^\//, '') ?? Id.slice(0, 12)),
    networks: networks.map(({ Name }) => Name),
  };
}
