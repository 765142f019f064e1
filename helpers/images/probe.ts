import { probe } from '../probe.ts';
import { registryUrls } from './reference.ts';

export interface Reachability {
  readonly registry: string;
  readonly reachable: boolean;
  /** Why not, e.g. `getaddrinfo ENOTFOUND …`; '' when it is reachable. */
  readonly problem: string;
}

/** Whether each registry answers at all. 401 counts too: that is how Docker Hub greets strangers. */
export async function probeRegistries(registries: readonly string[]): Promise<Reachability[]> {
  const asked = registries.flatMap((registry) => registryUrls(registry).map((url) => ({ registry, url })));
  const answers = await probe(asked);
  return registries.map((registry) => {
    const own = answers.filter((_answer, index) => asked[index]?.registry === registry);
    const reachable = own.some(({ status }) => status !== undefined);
    const problem = own.at(-1)?.problem ?? '';
    return { registry, reachable, problem: reachable ? '' : problem };
  });
}
