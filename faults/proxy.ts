import { identified, type Fault, type FaultEntry } from './fault.ts';

const conf = 'document/proxy.conf';

/** Squid goes on with another configuration than the document's. */
function reconfigured(...change: readonly [string, string]): Pick<Fault, 'inject' | 'undo'> {
  return {
    inject: (rig) => rig.changeSquidConfiguration((text) => text.replace(...change)),
    undo: (rig) => rig.removeSquid(),
  };
}

export const proxyFaults: readonly Fault[] = identified<FaultEntry>({
  'CONFIG-ALTERED': {
    title: 'proxy.conf allows CONNECT to any port',
    expect: { step: 'PROXY-2', cause: 'CONFIG_DIFFERS' },
    inject: (rig) => {
      rig.alter(conf, (text) => text.replace('http_access deny CONNECT !SSL_ports\n', ''));
    },
  },
  'CONFIGMAP-ALTERED': {
    title: 'The ConfigMap is changed before Squid starts',
    expect: { step: 'PROXY-4', cause: 'CONFIG_DIFFERS' },
    before: 'PROXY-4',
    ...reconfigured('http_access allow all', 'http_access deny all'),
  },
  'PROXY-DENIES-443': {
    title: 'The running Squid denies everything',
    expect: { step: 'PROXY-8', cause: 'PROXY_DENIED' },
    before: 'PROXY-8',
    ...reconfigured('http_access allow all', 'http_access deny all'),
  },
  'PROXY-ALLOWS-ANY-PORT': {
    title: 'The running Squid allows CONNECT to any port',
    expect: { step: 'CONTROL-2', cause: 'PROXY_NOT_DENYING' },
    before: 'PROXY-8',
    ...reconfigured('http_access deny CONNECT !SSL_ports\n', ''),
  },
  'PROXY-MANAGER-OPEN': {
    title: 'The running Squid opens its manager to everyone',
    expect: { step: 'CONTROL-3', cause: 'PROXY_NOT_DENYING' },
    before: 'PROXY-8',
    ...reconfigured('http_access deny manager\n', ''),
  },
  'PROXY-CANNOT-RESOLVE': {
    title: 'Squid cannot resolve the destination',
    expect: { step: 'PROXY-8', cause: 'PROXY_CANNOT_RESOLVE' },
    before: 'PROXY-8',
    inject: (rig) => rig.pointSquidTo(''),
    undo: (rig) => rig.pointSquidBack(),
  },
  'PROXY-REPLACED': {
    title: 'The proxy’s pod is replaced after the entry was applied',
    expect: { step: 'MESH-2', cause: 'PROXY_REPLACED' },
    before: 'MESH-2',
    inject: (rig) => rig.replaceSquidPod(),
  },
  'PROXY-TWO-REPLICAS': {
    title: 'Two replicas of the proxy: PROXY_IP is ambiguous',
    expect: { step: 'PROXY-6', cause: 'PROXY_POD_AMBIGUOUS' },
    inject: (rig) => {
      rig.alter('document/squid.yaml', (text) => text.replace('replicas: 1', 'replicas: 2'));
    },
    undo: (rig) => rig.removeSquid(),
  },
  'PROXY-BEHIND-SERVICE': {
    title: 'A Service stands before the proxy',
    expect: { step: 'PROXY-6', cause: 'PROXY_IS_SERVICE' },
    before: 'PROXY-6',
    inject: (rig) => rig.startSquidService(),
    undo: (rig) => rig.stopSquidService(),
  },
  'PROXY-NOT-STARTING': {
    title: 'Squid does not start',
    expect: { step: 'PROXY-4', cause: 'PROXY_POD_NOT_READY' },
    inject: (rig) => {
      rig.alter('document/squid.yaml', (text) =>
        text.replace('mountPath: /etc/squid', 'mountPath: /usr/sbin'),
      );
    },
    undo: (rig) => rig.removeSquid(),
  },
  'PROXY-LOG-GONE': {
    title: 'The proxy’s access log is deleted while it runs',
    expect: { step: 'PROXY-9', cause: 'PROXY_LOG_GONE' },
    before: 'PROXY-8',
    inject: async (rig) => {
      await rig.inSquid('rm /var/log/squid/access.log');
    },
    undo: (rig) => rig.removeSquid(),
  },
  'PROXY-LOG-STALE': {
    title: 'The proxy’s log stands still: only older lines match',
    expect: { step: 'MESH-4', cause: 'STALE_ONLY' },
    before: 'MESH-2',
    inject: async (rig) => {
      // Squid goes on writing to the file it has open; the one of that name is a copy.
      await rig.inSquid(
        'cd /var/log/squid && cp access.log copy && mv access.log moved && mv copy access.log',
      );
    },
    undo: (rig) => rig.removeSquid(),
  },
});
