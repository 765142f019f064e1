import type { KubernetesObject } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { kubeObject } from '../helpers/kube/manifests.ts';
import type { Edition } from '../helpers/document/edition.ts';
import { eventually } from '../helpers/eventually/eventually.ts';
import { listeners } from '../helpers/istio/sidecar.ts';
import { installIstio } from '../helpers/istio/install.ts';
import { istioSystem } from '../helpers/istio/revision.ts';
import { apply, remove } from '../helpers/kube/apply.ts';
import type { Kube } from '../helpers/kube/client.ts';
import { execOrThrow, type PodRef } from '../helpers/kube/exec.ts';
import { deploymentMustBeReady, livePods, podsMustBeGone } from '../helpers/kube/workloads.ts';
import { timeouts } from '../helpers/timeouts.ts';
import { interruptSquid, signalSquid } from '../helpers/proxy/squid-process.ts';
import { clientObjects } from '../suites/document/prepare.ts';
import type { FixtureName, Alteration } from '../suites/document/fixtures.ts';
import { serviceEntryIn } from '../suites/document/service-entry.ts';
import type { World } from '../suites/document/world.ts';

const injector = { name: 'istio-sidecar-injector', namespace: istioSystem };

/** Of the injector's ConfigMap, as text. */
interface Injector {
  readonly values: string;
  readonly config: string;
}

/** The tools that put a fault into a mesh. */
export class Rig {
  readonly world: World;
  readonly kube: Kube;
  readonly #before = new Map<string, () => Promise<void>>();
  #beforeJudging: (() => Promise<void>) | undefined;
  /** What the injector goes by, as it was before a change. */
  #injector: Injector | undefined;

  constructor(world: World) {
    this.world = world;
    this.kube = world.kube;
  }

  /** Makes the document's steps apply something else than the document says. */
  alter(name: FixtureName, alteration: Alteration): void {
    this.world.fixtures.alter(name, alteration);
  }

  /** Changes the sample that sends the requests, as it is applied in the mesh or outside it. */
  alterClient(where: 'mesh' | 'external', change: (text: string) => string): void {
    const wanted = this.edition.namespaces[where];
    this.alter('document/client.yaml', (text, namespace) => (namespace === wanted ? change(text) : text));
  }

  /** `kubectl apply` by another field manager: the document's own apply does not take it back. */
  async apply(...objects: readonly KubernetesObject[]): Promise<void> {
    await apply(this.kube, objects, undefined, 'another-manager');
  }

  /** Does something more when the pass comes to a step. */
  beforeStep(id: string, work: () => Promise<void>): void {
    this.#before.set(id, work);
  }

  /** Waits for the fault to show before the second judge looks, where the suite needs no such wait. */
  beforeJudging(work: () => Promise<void>): void {
    this.#beforeJudging = work;
  }

  /** The next change begins without what this one was to do before steps. */
  forgetSteps(): void {
    this.#before.clear();
  }

  async comesTo(stepId: string): Promise<void> {
    await this.#before.get(stepId)?.();
  }

  async comesToJudging(): Promise<void> {
    await this.#beforeJudging?.();
  }

  async remove(...objects: readonly KubernetesObject[]): Promise<void> {
    await remove(this.kube, objects);
  }

  get edition(): Edition {
    return this.world.edition;
  }

  /** An object's name in the namespace of the client in the mesh, or of the proxy. */
  inMesh(name: string): { readonly name: string; readonly namespace: string } {
    return { name, namespace: this.edition.namespaces.mesh };
  }

  outside(name: string): { readonly name: string; readonly namespace: string } {
    return { name, namespace: this.edition.namespaces.external };
  }

  /** Removes the client in the mesh with its pod, so that the document's next `kubectl apply` starts a new one. */
  async removeClient(): Promise<void> {
    const { client, namespaces } = this.edition;
    await remove(this.kube, clientObjects(this.edition), namespaces.mesh);
    await podsMustBeGone(this.kube, namespaces.mesh, `app=${client}`);
  }

  /** Removes Squid, so that the document's next `kubectl apply` starts a new one. */
  async removeSquid(): Promise<void> {
    const { app } = this.edition.proxy;
    const { namespace } = this.outside(app);
    await remove(this.kube, [kubeObject('Deployment', this.outside(app))]);
    await podsMustBeGone(this.kube, namespace, `app=${app}`, (pod) =>
      interruptSquid(this.kube, { namespace, pod, container: app }),
    );
  }

  async squid(): Promise<PodRef> {
    const { name: app, namespace } = this.outside(this.edition.proxy.app);
    const [pod] = await livePods(this.kube, namespace, `app=${app}`);
    return { namespace, pod: pod?.metadata?.name ?? '', container: app };
  }

  async inSquid(script: string, ...args: readonly string[]): Promise<string> {
    return execOrThrow(this.kube, await this.squid(), ['sh', '-c', script, 'sh', ...args]);
  }

  /** A new pod of Squid, ready, under another address. */
  async replaceSquidPod(): Promise<void> {
    const squid = await this.squid();
    const { pod, namespace, container } = squid;
    await this.kube.core.deleteNamespacedPod({ name: pod, namespace });
    await interruptSquid(this.kube, squid);
    await remove(this.kube, [kubeObject('Pod', { name: pod, namespace })]);
    await deploymentMustBeReady(this.kube, namespace, container);
  }

  async startSquidService(): Promise<void> {
    const service = this.#squidService();
    await this.apply(service);
    await eventually(
      'Service squid to have an endpoint',
      async () => {
        const { items } = await this.kube.discovery.listNamespacedEndpointSlice({
          namespace: service.metadata.namespace,
          labelSelector: `kubernetes.io/service-name=${service.metadata.name}`,
        });
        if (!items.some(({ endpoints }) => (endpoints?.length ?? 0) > 0)) throw new Error('none yet');
      },
      { timeoutMs: timeouts.configPush, intervalMs: 50 },
    );
  }

  async stopSquidService(): Promise<void> {
    await this.remove(this.#squidService());
  }

  #squidService(): KubernetesObject & { readonly metadata: ReturnType<Rig['outside']> } {
    const { app, port } = this.edition.proxy;
    const spec = { selector: { app }, ports: [{ name: 'tcp-squid', port }] };
    return kubeObject('Service', { ...this.outside(app) }, { spec });
  }

  /** Squid reads its configuration and its hosts again, as on `squid -k reconfigure`. */
  async reconfigureSquid(): Promise<void> {
    const count = 'grep -c "Accepting HTTP Socket connections" /var/log/squid/cache.log || true';
    const before = Number((await this.inSquid(count)).trim());
    await this.inSquid(signalSquid('HUP'));
    await eventually(
      'Squid to have read its configuration again',
      async () => {
        if (Number((await this.inSquid(count)).trim()) <= before)
          throw new Error('its log does not say so yet');
      },
      { timeoutMs: timeouts.workloadReady, intervalMs: 100 },
    );
  }

  /** Changes the configuration of the Squid that runs, in its ConfigMap, its mount and its memory. */
  async changeSquidConfiguration(change: (text: string) => string): Promise<void> {
    const { configMap, app } = this.edition.proxy;
    const metadata = this.outside(configMap);
    const stored = await this.kube.core.readNamespacedConfigMap(metadata);
    const text = change(stored.data?.['squid.conf'] ?? '');
    await this.apply(kubeObject('ConfigMap', metadata, { data: { 'squid.conf': text } }));
    await this.nudge(metadata.namespace, `app=${app}`);
    await eventually(
      'the kubelet to have updated /etc/squid/squid.conf',
      async () => {
        if ((await this.inSquid('cat /etc/squid/squid.conf')) !== text) throw new Error('it is the old one');
      },
      { timeoutMs: timeouts.workloadReady, intervalMs: 100 },
    );
    await this.reconfigureSquid();
  }

  /** The address that Squid alone takes for the document's host. */
  async pointSquidTo(ip: string): Promise<void> {
    const host = new URL(this.world.session.destination.url).hostname;
    const script = `grep -v " \\?$1\\$" /etc/hosts | grep -v "$1" >/tmp/hosts; [ -z "$2" ] || echo "$2 $1" >>/tmp/hosts; cat /tmp/hosts >/etc/hosts`;
    await this.inSquid(script, host, ip);
    await this.reconfigureSquid();
  }

  /** Squid resolves the document's host to the run's own origin again. */
  async pointSquidBack(): Promise<void> {
    await this.pointSquidTo(this.world.session.destination.origin?.ip ?? '');
  }

  /**
   * Waits until what `istioctl install` changed in meshConfig has reached the sidecars. istiod reads it from a mounted
   * ConfigMap, which the kubelet updates once a minute, or when the pod changes: so the pod is changed.
   */
  async meshConfigMustArrive(what: string, holds: (outbound: string) => boolean): Promise<void> {
    await this.nudge('istio-system', 'app=istiod');
    await eventually(
      `the sidecar to have ${what}`,
      async () => {
        const { name: client, namespace } = this.inMesh(this.edition.client);
        const [pod] = await livePods(this.kube, namespace, `app=${client}`);
        const all = await listeners(this.kube, { namespace, pod: pod?.metadata?.name ?? '' });
        const outbound = all.find(({ name }) => name === 'virtualOutbound');
        if (!holds(JSON.stringify(outbound))) throw new Error('its listeners are as before');
      },
      { timeoutMs: 90_000, intervalMs: 200 },
    );
  }

  /** Installs Istio as fixtures/istio.yaml says again, and waits until the sidecars have it. */
  async reinstalled(what: string, holds: (outbound: string) => boolean): Promise<void> {
    const { cluster, images } = this.world.session;
    await installIstio(cluster, images, await this.world.fixtures.text('istio.yaml'));
    await this.meshConfigMustArrive(what, holds);
  }

  /** Changes `global.proxy` in the injector's values, and `global`; waits until a pod would be injected with them. */
  async changeInjectorValues(proxy: object, global: object = {}): Promise<void> {
    await this.#changeInjector(({ values, ...others }) => {
      const all = JSON.parse(values) as { global?: { proxy?: object } };
      const changed = { ...all.global, ...global, proxy: { ...all.global?.proxy, ...proxy } };
      return { ...others, values: JSON.stringify({ ...all, global: changed }) };
    });
  }

  /** Has the injector add what a template of the company's says to every pod, as a policy that mutates pods does. */
  async addInjectorTemplate(company: string): Promise<void> {
    await this.#changeInjector(({ config, ...others }) => {
      const all = parse(config) as { templates?: object };
      const templates = { ...all.templates, company };
      return {
        ...others,
        config: stringify({ ...all, templates, defaultTemplates: ['sidecar', 'company'] }),
      };
    });
  }

  /** What the injector goes by as it was. */
  async restoreInjector(): Promise<void> {
    const before = this.#injector;
    if (before !== undefined) await this.#changeInjector(() => before);
    this.#injector = undefined;
  }

  async #changeInjector(change: (data: Injector) => Injector): Promise<void> {
    const stored = await this.kube.core.readNamespacedConfigMap(injector);
    const { values = '{}', config = '{}' } = stored.data ?? {};
    const now = { values, config };
    this.#injector ??= now;
    const before = await this.#injected();
    const data = { ...stored.data, ...change(now) };
    await this.kube.core.replaceNamespacedConfigMap({ ...injector, body: { ...stored, data } });
    await eventually(
      'istiod to inject as it is told now',
      async () => {
        if ((await this.#injected()) === before) throw new Error('it injects as before');
      },
      { timeoutMs: 90_000, intervalMs: 200 },
    );
  }

  /** What the injector makes of a pod. */
  async #injected(): Promise<string> {
    const { name, namespace } = this.inMesh('tried-injection');
    const body = {
      metadata: { name, labels: { 'sidecar.istio.io/inject': 'true' } },
      spec: { containers: [{ name, image: 'localhost/tried-injection' }] },
    };
    const pod = await this.kube.core.createNamespacedPod({ namespace, body, dryRun: 'All' });
    return JSON.stringify([pod.spec?.initContainers, pod.spec?.containers]);
  }

  async stopIstiod(): Promise<void> {
    await this.#scaleIstiod(0);
    await podsMustBeGone(this.kube, istioSystem, 'app=istiod');
  }

  /** Waits until it validates again: the Service may not lead to a pod yet that is ready. */
  async startIstiod(): Promise<void> {
    await this.#scaleIstiod(1);
    await deploymentMustBeReady(this.kube, istioSystem, 'istiod');
    const spec = { hosts: ['validated.invalid'], ports: [{ number: 80, name: 'tcp', protocol: 'TCP' }] };
    const entry = { ...serviceEntryIn(this.world), metadata: this.inMesh('validated'), spec };
    await eventually('istiod to validate', () => this.kube.objects.create(entry, undefined, 'All'), {
      timeoutMs: timeouts.configPush,
      intervalMs: 100,
    });
  }

  async #scaleIstiod(replicas: number): Promise<void> {
    const istiod = { name: 'istiod', namespace: istioSystem };
    await this.kube.apps.replaceNamespacedDeploymentScale({
      ...istiod,
      body: { metadata: istiod, spec: { replicas } },
    });
  }

  /** A harmless change to a pod makes the kubelet update its volumes at once. */
  async nudge(namespace: string, labelSelector: string): Promise<void> {
    for (const pod of await livePods(this.kube, namespace, labelSelector)) {
      await this.kube.objects.patch({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: pod.metadata?.name ?? '',
          namespace,
          annotations: { 'istio-external-proxy-conformance/nudged': new Date().toISOString() },
        },
      });
    }
  }
}
