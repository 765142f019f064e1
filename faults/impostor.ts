import { readFile } from 'node:fs/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import { makeServerCertificate } from '../helpers/destination/certificates.ts';
import { nginxConfiguration } from '../helpers/destination/hermetic.ts';
import { originNamespace } from '../helpers/kube/namespaces.ts';
import { parseManifests, render } from '../helpers/kube/manifests.ts';
import { podMustBeReady } from '../helpers/kube/workloads.ts';
import type { Rig } from './rig.ts';

const folder = new URL('../fixtures/origin/', import.meta.url);

export interface Impostor {
  /** Changes the page. */
  readonly page?: (html: string) => string;
  /** One more directive of nginx's server. */
  readonly directive?: string;
  /** No client trusts its certificate's authority. */
  readonly untrusted?: true;
}

/** Starts another origin beside the run's own, and makes Squid take it for the destination. */
export async function startImpostor(rig: Rig, { page, directive, untrusted }: Impostor): Promise<void> {
  const { kube, world } = rig;
  const host = new URL(world.session.destination.url).hostname;
  const [manifest, html] = await Promise.all([
    readFile(new URL('origin.yaml', folder), 'utf8'),
    readFile(new URL('Main_Page.html', folder), 'utf8'),
  ]);
  const metadata = { name: 'impostor', namespace: originNamespace };
  const secretName = untrusted === true ? 'impostor' : 'origin';
  const text = render(manifest, { ORIGIN_IMAGE: world.session.images.images.origin.reference }, 'origin.yaml')
    .replace('name: origin\n  namespace', 'name: impostor\n  namespace')
    .replace('configMap:\n        name: origin', 'configMap:\n        name: impostor')
    .replace('secretName: origin', `secretName: ${secretName}`);
  const pod = parseManifests(text, 'origin.yaml').find(({ kind }) => kind === 'Pod');
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { 'nginx.conf': nginxConfiguration(host, directive), 'Main_Page.html': page?.(html) ?? html },
  };
  const { certificate, key } = await makeServerCertificate(host, 'Example Company Inspection CA');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  };
  await rig.apply(configMap, ...(untrusted === true ? [secret] : []), pod as KubernetesObject);
  const ready = await podMustBeReady(kube, originNamespace, metadata.name);
  await rig.pointSquidTo(ready.status?.podIP ?? '');
}

export async function stopImpostor(rig: Rig): Promise<void> {
  await rig.pointSquidBack();
  const metadata = { name: 'impostor', namespace: originNamespace };
  await rig.remove(...['Pod', 'ConfigMap', 'Secret'].map((kind) => ({ apiVersion: 'v1', kind, metadata })));
}
