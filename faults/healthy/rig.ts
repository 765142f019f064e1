import {
  AdmissionregistrationV1Api,
  type KubernetesObject,
  type V1ConfigMap,
  type V1MutatingWebhook,
} from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { eventually } from '../../helpers/eventually/eventually.ts';
import { rbacObjects } from '../../helpers/existing/rbac.ts';
import { execOrThrow } from '../../helpers/kube/exec.ts';
import { istioSystem } from '../../helpers/istio/revision.ts';
import { merge } from '../../helpers/kube/apply.ts';
import { kubeObject, type Namespaces } from '../../helpers/kube/manifests.ts';
import {
  deploymentMustBeReady,
  isReady,
  livePods,
  namespaceMustTakePods,
  podMustBeReady,
} from '../../helpers/kube/workloads.ts';
import type { World } from '../../suites/document/world.ts';
import { namespace, type ManifestObject } from '../objects.ts';
import { Rig } from '../rig.ts';

/** Of a configuration, as YAML has them. */
export interface Fields {
  readonly [name: string]: unknown;
}

/** What a run's settings say of the company's proxy, which listens on these ports. */
export interface CompanyProxy {
  readonly port: 3128 | 8080;
  readonly byName?: true;
  /** By the addresses of both machines, or by a name that has both; a log is that of one, and so is not given then. */
  readonly both?: true;
}

/** Namespaces of other people, who have nothing to do with the proxy. */
export const shop = 'other-shop';
export const bank = 'other-bank';

/** Two machines, of which most runs know the first. */
const company = { namespace: 'corp-proxy', pods: ['squid', 'squid-2'] } as const;
/** Resolved by the cluster's DNS alone, as a company's name for its proxy is. */
export const companyHost = 'proxy.corp.example';

const istiod = kubeObject('Deployment', { name: 'istiod', namespace: istioSystem });
const meshConfig = { name: 'istio', namespace: istioSystem };

/** The tools that put a healthy configuration into a mesh, and what the mesh has at all times. */
export class HealthyRig extends Rig {
  /** Namespaces of the run that is to be green. */
  readonly run: Namespaces;
  #proxyIps: readonly string[] = [];
  /** The mesh's configuration as Istio's installation left it. */
  #installed: { readonly text: string; readonly active: string } | undefined;

  constructor(world: World, run: Namespaces) {
    super(world);
    this.run = run;
  }

  /** The run's namespaces, as `conformance rbac` prints them. */
  get prepared(): KubernetesObject[] {
    const objects = rbacObjects({ namespaces: this.run, system: istioSystem });
    return objects.filter(({ kind }) => kind === 'Namespace');
  }

  /** Starts what the mesh has beside Istio: the run's namespaces and other people's, and the company's proxy in a pod. */
  async prepare(): Promise<void> {
    await this.apply(...this.prepared);
    await this.apply(...[shop, bank, company.namespace].map((name) => namespace(name)));
    const { namespace: where, pods } = company;
    await namespaceMustTakePods(this.kube, where);
    await this.apply(...pods.flatMap((pod) => this.#proxyObjects(pod)));
    const started = await Promise.all(pods.map((pod) => podMustBeReady(this.kube, where, pod)));
    this.#proxyIps = started.map(({ status }) => status?.podIP ?? '');
    this.#installed = { text: await this.#meshText(), active: await this.#activeMesh() };
  }

  get proxyIp(): string {
    return this.#proxyIpOf(0);
  }

  /** Of the second machine. */
  get secondProxyIp(): string {
    return this.#proxyIpOf(1);
  }

  #proxyIpOf(index: number): string {
    const ip = this.#proxyIps[index];
    if (ip === undefined) throw new TypeError('the company’s proxy was not started');
    return ip;
  }

  /** As `--proxy` and `--proxy-log` have it. */
  told({ port, byName, both }: CompanyProxy): { readonly proxy: string; readonly proxyLog?: string } {
    const hosts = byName === true ? [companyHost] : both === true ? this.#proxyIps : [this.proxyIp];
    const proxy = hosts.map((host) => `${host}:${port}`).join(',');
    if (both === true) return { proxy };
    const { namespace, pods } = company;
    return { proxy, proxyLog: `${namespace}/${pods[0]}:/var/log/squid/access.log` };
  }

  /** Has the cluster's DNS know the company's proxy by name. */
  async nameProxy({ both }: Pick<CompanyProxy, 'both'>): Promise<void> {
    const lines = (both === true ? this.#proxyIps : [this.proxyIp]).map(
      (ip) => `      ${ip} ${companyHost}\n`,
    );
    const hosts = `    hosts {\n${lines.join('')}      fallthrough\n    }\n`;
    await this.#changeCorefile((text) =>
      text.includes(companyHost) ? text : text.replace(/^ *kubernetes /m, (line) => `${hosts}${line}`),
    );
  }

  async forgetProxyName(): Promise<void> {
    await this.#changeCorefile((text) => text.replace(/^ {4}hosts \{\n[^}]*\}\n/m, ''));
  }

  /** Merges fields into the mesh's configuration, and waits until istiod uses it. */
  async changeMesh(fields: Fields): Promise<void> {
    const { text, active } = this.#asInstalled();
    const changed = merged(parse(text) as Fields, fields);
    await this.#setMesh(stringify(changed), (now) => now !== active);
  }

  async restoreMesh(): Promise<void> {
    const { text, active } = this.#asInstalled();
    await this.#setMesh(text, (now) => now === active);
  }

  /** As `sidecarInjectorWebhook.enableNamespacesByDefault`: namespaces without a label are injected. */
  async injectByDefault(on: boolean): Promise<void> {
    const api = this.kube.config.makeApiClient(AdmissionregistrationV1Api);
    const name = 'istio-sidecar-injector';
    const stored = await api.readMutatingWebhookConfiguration({ name });
    const [first] = stored.webhooks ?? [];
    if (first === undefined) throw new TypeError('the injector has no webhook');
    const others = stored.webhooks?.filter((one) => !one.name.startsWith('auto.')) ?? [];
    const notSystem = {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage'],
    };
    const absent = (key: string): { key: string; operator: string } => ({ key, operator: 'DoesNotExist' });
    const auto: V1MutatingWebhook = {
      ...first,
      name: 'auto.sidecar-injector.istio.io',
      namespaceSelector: { matchExpressions: [absent('istio-injection'), absent('istio.io/rev'), notSystem] },
      objectSelector: { matchExpressions: [absent('sidecar.istio.io/inject'), absent('istio.io/rev')] },
    };
    await api.replaceMutatingWebhookConfiguration({
      name,
      body: { ...stored, webhooks: on ? [...others, auto] : others },
    });
  }

  /** Starts istiod again with these environment variables besides; with none, as it was installed. */
  async restartIstiod(variables: Readonly<Record<string, string>>): Promise<void> {
    const env = Object.entries(variables).map(([name, value]) => ({ name, value }));
    const spec = { template: { spec: { containers: [{ name: 'discovery', env }] } } };
    const changed: ManifestObject = { ...istiod, spec };
    await this.apply(env.length === 0 ? istiod : changed);
    await deploymentMustBeReady(this.kube, istioSystem, istiod.metadata.name);
    await this.startIstiod();
  }

  async #setMesh(text: string, arrived: (active: string) => boolean): Promise<void> {
    const data = { mesh: text };
    await merge(this.kube, kubeObject('ConfigMap', meshConfig, { data }));
    await this.nudge(istioSystem, 'app=istiod');
    await eventually(
      'istiod to use the mesh’s configuration',
      async () => {
        if (!arrived(await this.#activeMesh())) throw new Error('it uses an earlier one');
      },
      { timeoutMs: 90_000, intervalMs: 200 },
    );
  }

  #asInstalled(): { readonly text: string; readonly active: string } {
    if (this.#installed === undefined) throw new TypeError('the mesh was not prepared');
    return this.#installed;
  }

  async #meshText(): Promise<string> {
    const stored: V1ConfigMap = await this.kube.core.readNamespacedConfigMap(meshConfig);
    return stored.data?.['mesh'] ?? '';
  }

  async #activeMesh(): Promise<string> {
    const pods = await livePods(this.kube, istioSystem, 'app=istiod');
    const pod = pods.find(isReady)?.metadata?.name ?? '';
    const target = { namespace: istioSystem, pod, container: 'discovery' };
    const request = ['/usr/local/bin/pilot-discovery', 'request', 'GET', '/debug/mesh'];
    return execOrThrow(this.kube, target, request);
  }

  async #changeCorefile(change: (text: string) => string): Promise<void> {
    const metadata = { namespace: 'kube-system', name: 'coredns' };
    const stored: V1ConfigMap = await this.kube.core.readNamespacedConfigMap(metadata);
    const before = stored.data?.['Corefile'] ?? '';
    const after = change(before);
    if (after === before) throw new Error('The cluster’s Corefile has another text than expected');
    await merge(this.kube, kubeObject('ConfigMap', metadata, { data: { Corefile: after } }));
    // CoreDNS looks at its file twice a minute; one that starts anew, at once.
    const template = { metadata: { annotations: { 'conformance.test/changed': new Date().toISOString() } } };
    await merge(this.kube, kubeObject('Deployment', metadata, { spec: { template } }));
    await deploymentMustBeReady(this.kube, metadata.namespace, metadata.name);
  }

  /** Squid in a bare pod, with no Service in front of it, on two ports; it alone finds the page. */
  #proxyObjects(name: string): ManifestObject[] {
    const { namespace } = company;
    const { images, destination } = this.world.session;
    const metadata = { namespace, name };
    return [
      kubeObject('ConfigMap', metadata, { data: { 'squid.conf': squidConfiguration } }),
      kubeObject('Pod', metadata, {
        spec: {
          terminationGracePeriodSeconds: 0,
          hostAliases: [{ ip: destination.origin?.ip ?? '', hostnames: [new URL(destination.url).hostname] }],
          volumes: [{ name: 'configuration', configMap: { name } }],
          containers: [
            {
              name: 'squid',
              image: images.images.squid.reference,
              imagePullPolicy: 'IfNotPresent',
              readinessProbe: { tcpSocket: { port: 3128 }, periodSeconds: 1 },
              volumeMounts: [{ name: 'configuration', mountPath: '/etc/squid', readOnly: true }],
            },
          ],
        },
      }),
    ];
  }
}

const squidConfiguration = `http_port 3128
http_port 8080
http_access allow all
access_log stdio:/var/log/squid/access.log squid
max_filedescriptors 4096
shutdown_lifetime 1 seconds
coredump_dir /var/spool/squid
`;

/** Fields of both, the second's before the first's; a list is replaced as a whole. */
function merged(fields: Fields, over: Fields): Fields {
  const result: Record<string, unknown> = { ...fields };
  for (const [name, value] of Object.entries(over)) {
    const earlier = result[name];
    result[name] = isFields(earlier) && isFields(value) ? merged(earlier, value) : value;
  }
  return result;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
