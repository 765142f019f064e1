import { givenFrom, type Given } from '../helpers/given/given.ts';
import type { ImageSet } from '../helpers/images/roles.ts';
import { identified } from './fault.ts';
import type { GateFault, OwnGateFault } from './gate-fault.ts';
import { envoyFilter, istio, root, typed, type ManifestObject } from './objects.ts';

/** Manifests of a user's, as if `--apply fault.yaml` gave them. */
export function applied(manifest: string | ManifestObject): Given {
  const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
  return givenFrom({ manifests: [{ file: 'fault.yaml', text }] });
}

/** A team's workload with a sidecar, and the EnvoyFilter that logs its users in. */
function shop({ images }: Pick<ImageSet, 'images'>): string {
  return `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 8080 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: login, namespace: shop }
spec:
  hosts: [login.example.org]
  addresses: [192.0.2.10]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: STATIC
  endpoints: [{ address: 192.0.2.10 }]
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: login, namespace: shop }
spec:
  workloadSelector: { labels: { app: web } }
  configPatches:
    - applyTo: HTTP_FILTER
      match:
        context: SIDECAR_INBOUND
        listener:
          filterChain:
            filter:
              name: envoy.filters.network.http_connection_manager
              subFilter: { name: envoy.filters.http.router }
      patch:
        operation: INSERT_BEFORE
        value:
          name: envoy.filters.http.oauth2
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.filters.http.oauth2.v3.OAuth2
            config:
              token_endpoint:
                cluster: outbound|443||login.example.org
                uri: https://login.example.org/token
                timeout: 3s
              authorization_endpoint: https://login.example.org/authorize
              redirect_uri: https://shop.example.org/callback
              redirect_path_matcher: { path: { exact: /callback } }
              signout_path: { path: { exact: /signout } }
              credentials:
                client_id: shop
                cookie_domain: shop.example.org, www.shop.example.org
                token_secret: { name: token, sds_config: { ads: {}, initial_fetch_timeout: 0.5s } }
                hmac_secret: { name: hmac, sds_config: { ads: {}, initial_fetch_timeout: 0.5s } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 2
      containers: [{ name: web, image: '${images.curl.reference}', command: [sleep, infinity] }]
`;
}

/** An EnvoyFilter of the client's namespace for the proxies of one minor version. */
function tlsForFreshProxies({ istio }: Pick<ImageSet, 'istio'>): ManifestObject {
  const [major = '', minor = ''] = istio.split('.');
  const name = 'envoy.transport_sockets.tls';
  return envoyFilter('default', 'tls-to-the-proxy', {
    applyTo: 'CLUSTER',
    match: { proxy: { proxyVersion: `^${major}\\.${minor}\\..*` }, cluster: { portNumber: 3128 } },
    value: { transport_socket: { name, ...typed('transport_sockets.tls.v3.UpstreamTlsContext') } },
  });
}

/** Faults of a configuration that a user gives: each is in the files, and nothing else is touched. */
export const givenFaults: readonly GateFault[] = identified<Omit<OwnGateFault, 'id'>>({
  'GATE-FILTER-REJECTED': {
    title: 'An EnvoyFilter with a cookie_domain that Envoy takes up to 1.36 and rejects from 1.37 on',
    strategy: 'canary',
    expect: { step: 'restart/RESTART-3', cause: 'CONFIG_REJECTED' },
    to: '1.29.1',
    given: (from) => applied(shop(from)),
  },
  'GATE-FILTER-BY-VERSION': {
    title: 'An EnvoyFilter for proxies of the new version alone begins TLS towards the proxy',
    strategy: 'canary',
    expect: { step: 'document-fresh-proxy/MESH-1', cause: 'CLUSTER_DIFFERS' },
    given: (_from, to) => applied(tlsForFreshProxies(to)),
  },
  'GATE-FILTER-BY-VERSION-STRICT': {
    title: 'The same, judged strictly: it is found before anything is installed',
    strategy: 'canary',
    strict: true,
    expect: { step: 'precheck/PRECHECK-2', cause: 'CONFIGURATION_NOT_TAKEN' },
    given: (_from, to) => applied(tlsForFreshProxies(to)),
  },
  'GATE-CONFIG-REGISTRY-ONLY': {
    title: 'The user’s configuration for the new version (--istio-config-to) says REGISTRY_ONLY',
    strategy: 'in-place',
    // With a configuration of the user's the way without the entry is asked before, and must be the same afterwards.
    expect: { step: 'clean-up/CONTROL-6', cause: 'LISTENER_DIFFERS' },
    given: () => {
      const policy = (mode: string): string => `meshConfig:\n  outboundTrafficPolicy:\n    mode: ${mode}\n`;
      return givenFrom({
        istio: { file: 'from.yaml', text: policy('ALLOW_ANY') },
        istioTo: { file: 'to.yaml', text: policy('REGISTRY_ONLY') },
      });
    },
  },
  'GATE-SIDECAR-HIDES': {
    title: 'A Sidecar among the user’s manifests hides the entry from the client',
    strategy: 'canary',
    expect: { step: 'document-before/MESH-1', cause: 'SIDECAR_RESOURCE' },
    given: () =>
      applied(istio('networking', 'Sidecar', root, 'default', { egress: [{ hosts: [`${root}/*`] }] })),
  },
  'GATE-TELEMETRY-OFF': {
    title: 'A Telemetry among the user’s manifests turns the access log off',
    strategy: 'canary',
    expect: { step: 'document-before/CONTROL-1', cause: 'ACCESS_LOG_OFF' },
    // Without a provider it does nothing where meshConfig.accessLogFile is set.
    given: () =>
      applied(
        istio('telemetry', 'Telemetry', root, 'quiet', {
          accessLogging: [{ providers: [{ name: 'envoy' }], disabled: true }],
        }),
      ),
  },
});
