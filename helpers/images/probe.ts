import { probe } from '../probe.ts';
import { registryHost } from './reference.ts';

export interface Reachability {
  readonly registry: string;
  readonly reachable: boolean;
  /** Why not, e.g. `getaddrinfo ENOTFOUND …`; '' when it is reachable. */
  readonly problem: string;
}

/** Whether each registry answers at all. 401 counts too: that is how Docker Hub greets strangers. */
export async function probeRegistries(registries: readonly string[]): Promise<Reachability[]> {
  const answers = await probe(
    registries.map((registry) => ({ url: `https://${registryHost(registry)}/v2/` })),
  );
  return answers.map(({ status, problem }, index) => ({
    registry: registries[index] ?? '',
    reachable: status !== undefined,
    problem,
  }));
}
