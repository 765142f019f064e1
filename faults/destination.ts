import type { CauseCode } from '../helpers/causes/causes.ts';
import { identified, type Fault, type FaultEntry } from './fault.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import { makeServerCertificate } from '../helpers/destination/certificates.ts';
import { nginxConfiguration } from '../helpers/destination/hermetic.ts';
import {
  fixtureText,
  kubeObject,
  originNamespace,
  parseManifests,
  render,
} from '../helpers/kube/manifests.ts';
import { podMustBeReady } from '../helpers/kube/workloads.ts';
import type { Rig } from './rig.ts';

/** Another origin answers in the destination's place. */
function impostor(title: string, cause: CauseCode, how: Impostor): FaultEntry {
  return {
    title,
    expect: { step: 'PROXY-8', cause },
    before: 'PROXY-8',
    inject: (rig) => startImpostor(rig, how),
    undo: stopImpostor,
  };
}

export const destinationFaults: readonly Fault[] = identified<FaultEntry>({
  'OTHER-TITLE': impostor('Another page comes', 'TITLE_DIFFERS', {
    page: (html) => html.replace(/<title>.*<\/title>/, '<title>Please log in</title>'),
  }),
  'TLS-INTERCEPTED': impostor(
    'Another server answers in the destination’s name, under an unknown authority',
    'TLS_UNTRUSTED',
    { untrusted: true },
  ),
  'DESTINATION-DOWN': {
    title: 'The destination refuses connections',
    expect: { step: 'PROXY-8', cause: 'DESTINATION_DOWN' },
    before: 'PROXY-8',
    inject: (rig) => rig.pointSquidTo('127.0.0.2'),
    undo: (rig) => rig.pointSquidBack(),
  },
  'DESTINATION-SLOW': impostor('The destination takes longer than the time limit', 'DESTINATION_SLOW', {
    directive: 'limit_rate 1;',
  }),
  'DESTINATION-ERROR': impostor(
    'The destination answers with an error page that has the right title',
    'HTTP_STATUS',
    {
      directive: 'error_page 405 =500 /wiki/Main_Page; if ($http_user_agent ~ .) { return 405; }',
    },
  ),
  'NO-PROXY': {
    title: 'The client ignores HTTPS_PROXY (NO_PROXY names the host), and reaches the page by itself',
    expect: { step: 'PROXY-8', cause: 'WENT_ROUND_PROXY' },
    before: 'PROXY-5',
    inject: (rig) => {
      const { origin, url } = rig.world.session.destination;
      const host = new URL(url).hostname;
      const aliases = `      hostAliases:\n        - ip: ${origin?.ip ?? ''}\n          hostnames: [${host}]\n`;
      const variables = `          env:\n            - name: NO_PROXY\n              value: ${host}\n`;
      rig.alterClient('external', (text) =>
        text
          .replace('      serviceAccountName', `${aliases}      serviceAccountName`)
          .replace('          command:', `${variables}          command:`),
      );
    },
  },
  'CLIENT-USES-SERVICE': {
    title: 'The client in the mesh is given a Service’s name in place of PROXY_IP',
    expect: { step: 'MESH-2', cause: 'PROXY_IS_SERVICE' },
    before: 'MESH-2',
    inject: async (rig) => {
      await rig.startSquidService();
      const { proxy, namespaces } = rig.edition;
      rig.world.witnesses.proxyName = `${proxy.app}.${namespaces.external}.svc.cluster.local:${proxy.port}`;
    },
    undo: (rig) => rig.stopSquidService(),
  },
});

interface Impostor {
  readonly page?: (html: string) => string;
  /** One more directive of nginx's server. */
  readonly directive?: string;
  /** No client trusts its certificate's authority. */
  readonly untrusted?: true;
}

/** Starts another origin beside the run's own, and makes Squid take it for the destination. */
async function startImpostor(rig: Rig, { page, directive, untrusted }: Impostor): Promise<void> {
  const { kube, world } = rig;
  const host = new URL(world.session.destination.url).hostname;
  const manifest = await fixtureText('fixtures/origin/origin.yaml');
  const html = await fixtureText('fixtures/origin/Main_Page.html');
  const metadata = { name: 'impostor', namespace: originNamespace };
  const secretName = untrusted === true ? 'impostor' : 'origin';
  const text = render(manifest, { ORIGIN_IMAGE: world.session.images.images.origin.reference }, 'origin.yaml')
    .replace('name: origin\n  namespace', 'name: impostor\n  namespace')
    .replace('configMap:\n        name: origin', 'configMap:\n        name: impostor')
    .replace('secretName: origin', `secretName: ${secretName}`);
  const pod = parseManifests(text, 'origin.yaml').find(({ kind }) => kind === 'Pod');
  const data = { 'nginx.conf': nginxConfiguration(host, directive), 'Main_Page.html': page?.(html) ?? html };
  const { certificate, key } = await makeServerCertificate(host, 'Example Company Inspection CA');
  const secret = kubeObject('Secret', metadata, { stringData: { 'tls.crt': certificate, 'tls.key': key } });
  await rig.apply(
    kubeObject('ConfigMap', metadata, { data }),
    ...(untrusted === true ? [secret] : []),
    pod as KubernetesObject,
  );
  const ready = await podMustBeReady(kube, originNamespace, metadata.name);
  await rig.pointSquidTo(ready.status?.podIP ?? '');
}

async function stopImpostor(rig: Rig): Promise<void> {
  await rig.pointSquidBack();
  const metadata = { name: 'impostor', namespace: originNamespace };
  await rig.remove(...(['Pod', 'ConfigMap', 'Secret'] as const).map((kind) => kubeObject(kind, metadata)));
}
