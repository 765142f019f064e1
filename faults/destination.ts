import type { Fault } from './fault.ts';
import { startImpostor, stopImpostor } from './impostor.ts';

export const destinationFaults: readonly Fault[] = [
  {
    id: 'OTHER-TITLE',
    title: 'Another page comes',
    expect: { step: 'PROXY-8', cause: 'TITLE_DIFFERS' },
    before: 'PROXY-8',
    inject: (rig) =>
      startImpostor(rig, {
        page: (html) => html.replace(/<title>.*<\/title>/, '<title>Please log in</title>'),
      }),
    undo: stopImpostor,
  },
  {
    id: 'TLS-INTERCEPTED',
    title: 'Somebody answers in the destination’s name, under an authority nobody knows',
    expect: { step: 'PROXY-8', cause: 'TLS_UNTRUSTED' },
    before: 'PROXY-8',
    inject: (rig) => startImpostor(rig, { untrusted: true }),
    undo: stopImpostor,
  },
  {
    id: 'DESTINATION-DOWN',
    title: 'The destination refuses connections',
    expect: { step: 'PROXY-8', cause: 'DESTINATION_DOWN' },
    before: 'PROXY-8',
    inject: (rig) => rig.pointSquidTo('127.0.0.2'),
    undo: (rig) => rig.pointSquidBack(),
  },
  {
    id: 'DESTINATION-SLOW',
    title: 'The destination takes longer than the time limit',
    expect: { step: 'PROXY-8', cause: 'DESTINATION_SLOW' },
    before: 'PROXY-8',
    inject: (rig) => startImpostor(rig, { directive: 'limit_rate 1;' }),
    undo: stopImpostor,
  },
  {
    id: 'DESTINATION-ERROR',
    title: 'The destination answers with an error page that has the right title',
    expect: { step: 'PROXY-8', cause: 'HTTP_STATUS' },
    before: 'PROXY-8',
    inject: (rig) =>
      startImpostor(rig, {
        directive: 'error_page 405 =500 /wiki/Main_Page; if ($http_user_agent ~ .) { return 405; }',
      }),
    undo: stopImpostor,
  },
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
