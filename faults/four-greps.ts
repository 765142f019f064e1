import type { V1Pod } from '@kubernetes/client-node';
import { clusterName } from '../helpers/document/edition.ts';
import { exec, type PodRef } from '../helpers/kube/exec.ts';
import { eventually, EventuallyError } from '../helpers/eventually/eventually.ts';
import { squidLog } from '../helpers/trip/logs.ts';
import { targetOf } from '../helpers/trip/squid.ts';
import { apply } from '../helpers/kube/apply.ts';
import type { GivenProxy } from '../helpers/proxy/proxy.ts';
import type { World } from '../suites/document/world.ts';

/**
 * The second judge: how this page is usually tested (istio.io's own http-proxy/test.sh). Four searches, each tried again
 * until it finds something or its time is up: the title, the CONNECT anywhere in Squid's log, the title, the cluster
 * anywhere in the sidecar's log. It knows nothing of trips, of causes, or of which line belongs to which request.
 */
export class FourGreps {
  readonly #world: World;
  /** By pod, the lines of its log that are older than this pass: in a run of its own they would not be there. */
  readonly #older = new Map<string, number>();

  private constructor(world: World) {
    this.#world = world;
  }

  /** To be made before the pass that it is to judge. */
  static async beginning(world: World): Promise<FourGreps> {
    const judge = new FourGreps(world);
    for (const read of [judge.#squidLog.bind(judge), judge.#sidecarLog.bind(judge)]) {
      // Where there is no such pod yet, all that its log will hold is new.
      const log = await read().catch(() => undefined);
      if (log !== undefined) judge.#older.set(log.pod, log.lines.length);
    }
    return judge;
  }

  /**
   * @param entryApplied Whether the pass got as far as the ServiceEntry; if not, it is applied here as the document says
   * @returns the search that found nothing in time, undefined when all four found something
   */
  async judge(entryApplied: boolean): Promise<string | undefined> {
    const { title } = this.#world.session.destination;
    const { request, entry, proxy } = this.#world.edition;
    const given = this.#world.session.proxy.kind === 'given';
    const searches: [string, () => Promise<boolean>][] = [
      ['title without Istio', async () => (await this.#page('external')).includes(title)],
      [
        "CONNECT in Squid's log",
        async () => {
          const log = await this.#squidLog();
          // A proxy whose log is not followed cannot be asked.
          return log === undefined || this.#grep(log, `CONNECT ${targetOf(request.url)}`);
        },
      ],
      [
        'title from the mesh',
        async () => {
          if (!entryApplied) await this.#applyEntry();
          return (await this.#page('mesh')).includes(title);
        },
      ],
      [
        "cluster in the sidecar's log",
        // An entry of the mesh has a host of its own.
        async () => this.#grep(await this.#sidecarLog(), clusterName(given ? '' : entry.host, proxy.port)),
      ],
    ];
    for (const [what, search] of searches) {
      try {
        await eventually(
          what,
          async () => {
            if (!(await search())) throw new Error('nothing found');
          },
          { timeoutMs: limitMs, intervalMs: 500 },
        );
      } catch (error) {
        if (error instanceof EventuallyError) return what;
        throw error;
      }
    }
    return undefined;
  }

  /** The document's command, with what its selectors give: every pod's address and name, those that go included. */
  async #page(where: 'mesh' | 'external'): Promise<string> {
    const proxy =
      this.#world.witnesses.proxyName ?? `${await this.#proxyIp()}:${this.#world.edition.proxy.port}`;
    const { ca, url } = this.#world.session.destination;
    const trust = ca === undefined ? '' : '--cacert /tmp/conformance-ca.crt';
    const command = `HTTPS_PROXY='${proxy}' timeout ${limitMs / 1000} curl -s ${trust} ${url} | grep -o "<title>.*</title>"`;
    const client = await this.#client(where);
    await this.#world.witnesses.trust(client);
    const { stdout } = await exec(this.#world.kube, client, ['sh', '-c', command]);
    return stdout;
  }

  /** `export PROXY_IP=…`: once, as a reader of the document does. */
  async #proxyIp(): Promise<string> {
    const known = this.#world.proxyIp.known();
    if (known !== undefined) return known;
    const { namespaces, edition, session } = this.#world;
    if (session.proxy.kind === 'given') return session.proxy.name ?? session.proxy.addresses[0] ?? '';
    const pods = await this.#pods(namespaces.external, edition.proxy.app);
    return pods.map(({ status }) => status?.podIP ?? '').join(' ');
  }

  async #applyEntry(): Promise<void> {
    const values = { PROXY_IP: await this.#proxyIp(), PROXY_PORT: String(this.#world.edition.proxy.port) };
    const objects = await this.#world.fixtures.objects('document/service-entry.yaml', values);
    await apply(this.#world.kube, objects, this.#world.namespaces.mesh);
  }

  #grep({ pod, lines }: Log, text: string): boolean {
    return lines.slice(this.#older.get(pod) ?? 0).some((line) => line.includes(text));
  }

  async #squidLog(): Promise<Log | undefined> {
    const { proxy } = this.#world.edition;
    const namespace = this.#world.namespaces.external;
    const given = this.#world.session.proxy;
    if (given.kind === 'given') return this.#givenLog(given);
    const [squid] = await this.#pods(namespace, proxy.app);
    const pod = squid?.metadata?.name ?? '';
    const target = { namespace, pod, container: proxy.app };
    const { stdout } = await exec(this.#world.kube, target, ['cat', squidLog]);
    return { pod, lines: wholeLines(stdout) };
  }

  async #givenLog({ log }: GivenProxy): Promise<Log | undefined> {
    if (log?.kind !== 'pod' || log.path === undefined) return undefined;
    const { namespace, pod, container = pod } = log;
    const { stdout } = await exec(this.#world.kube, { namespace, pod, container }, ['cat', log.path]);
    return { pod, lines: wholeLines(stdout) };
  }

  async #sidecarLog(): Promise<Log> {
    const { pod, namespace } = await this.#client('mesh');
    const asked = { name: pod, namespace, container: 'istio-proxy' };
    return { pod, lines: wholeLines(await this.#world.kube.core.readNamespacedPodLog(asked)) };
  }

  async #client(where: 'mesh' | 'external'): Promise<PodRef> {
    const { client } = this.#world.edition;
    const namespace = this.#world.namespaces[where];
    const pods = await this.#pods(namespace, client);
    const pod = pods.map(({ metadata }) => metadata?.name ?? '').join(' ');
    return { namespace, pod, container: client };
  }

  async #pods(namespace: string, app: string): Promise<V1Pod[]> {
    const asked = { namespace, labelSelector: `app=${app}` };
    return (await this.#world.kube.core.listNamespacedPod(asked)).items;
  }
}

/** Each search is tried again for so long. */
const limitMs = 3_000;

interface Log {
  readonly pod: string;
  readonly lines: readonly string[];
}

function wholeLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
