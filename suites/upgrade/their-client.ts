import { clientNamed } from '../../helpers/existing/client-name.ts';
import {
  addCurl,
  endCurl,
  findClient,
  isStill,
  toldAddition,
  type ClientPod,
} from '../../helpers/existing/client-pod.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import { tell } from '../../helpers/pause/pause.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import { replaced } from '../document/given-client.ts';
import type { World } from '../document/world.ts';

/** The user's workload that the document is judged from as well (`--client`). A gate looks at its pod, and restarts it never. */
export class TheirClient implements AsyncDisposable {
  /** With the user's pod as the client, and not the suite's own. */
  readonly session: SessionFacts;
  readonly #kube: Kube;
  #pod: ClientPod;
  /** Pods that got an ephemeral container here; the session ends its own. */
  readonly #added: ClientPod[] = [];

  constructor(kube: Kube, session: SessionFacts, pod: ClientPod) {
    this.session = session;
    this.#kube = kube;
    this.#pod = pod;
  }

  /**
   * The pod of before as long as it is there; by Deployment or labels, the one that took its place.
   * @throws EnvironmentError CLIENT_LOST where a pod that was named itself is gone
   */
  async now(world: World): Promise<ClientPod> {
    const before = this.#pod;
    const { configuration, images, runId } = this.session;
    const name = clientNamed(configuration);
    if (name === undefined) throw new TypeError('a step about --client ran without one');
    if (await isStill(this.#kube, before)) return before;
    if (name.pod !== undefined) throw replaced(before);
    const found = await findClient(this.#kube, name);
    if (found.lacks === undefined) this.#pod = { ...found, added: undefined };
    else {
      const image = configuration.clientImage ?? images.images.curl.reference;
      tell(runId, toldAddition(found, image));
      this.#pod = await addCurl(this.#kube, found, image);
      this.#added.push(this.#pod);
    }
    world.note('in place of', before.pod);
    return this.#pod;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pod of this.#added) await endCurl(this.#kube, pod);
  }
}
