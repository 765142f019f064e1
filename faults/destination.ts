import type { CauseCode } from '../helpers/causes/causes.ts';
import type { Fault } from './fault.ts';
import { startImpostor, stopImpostor, type Impostor } from './impostor.ts';

/** Another origin answers in the destination's place. */
function impostor(id: string, title: string, cause: CauseCode, how: Impostor): Fault {
  return {
    id,
    title,
    expect: { step: 'PROXY-8', cause },
    before: 'PROXY-8',
    inject: (rig) => startImpostor(rig, how),
    undo: stopImpostor,
  };
}

export const destinationFaults: readonly Fault[] = [
  impostor('OTHER-TITLE', 'Another page comes', 'TITLE_DIFFERS', {
    page: (html) => html.replace(/<title>.*<\/title>/, '<title>Please log in</title>'),
  }),
  impostor(
    'TLS-INTERCEPTED',
    'Somebody answers in the destination’s name, under an authority nobody knows',
    'TLS_UNTRUSTED',
    { untrusted: true },
  ),
  {
    id: 'DESTINATION-DOWN',
    title: 'The destination refuses connections',
    expect: { step: 'PROXY-8', cause: 'DESTINATION_DOWN' },
    before: 'PROXY-8',
    inject: (rig) => rig.pointSquidTo('127.0.0.2'),
    undo: (rig) => rig.pointSquidBack(),
  },
  impostor('DESTINATION-SLOW', 'The destination takes longer than the time limit', 'DESTINATION_SLOW', {
    directive: 'limit_rate 1;',
  }),
  impostor(
    'DESTINATION-ERROR',
    'The destination answers with an error page that has the right title',
    'HTTP_STATUS',
    {
      directive: 'error_page 405 =500 /wiki/Main_Page; if ($http_user_agent ~ .) { return 405; }',
    },
  ),
  {
    id: 'NO-PROXY',
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
  {
    id: 'CLIENT-USES-SERVICE',
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
];
