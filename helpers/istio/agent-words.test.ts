import { expect, test } from 'vitest';
import { complaintOf, proxyVariablesOf } from './agent-words.ts';

const refused =
  '2026-11-28T18:00:02.1Z\twarn\tca\tca request failed, starting attempt 2 in 202ms: create certificate: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:9: connect: connection refused"';
const unknown =
  '2026-11-28T18:00:02.1Z\twarning\tenvoy config external/envoy/source/extensions/config_subscription/grpc/grpc_stream.h:226\tStreamAggregatedResources gRPC config stream to xds-grpc closed since 40s ago: 14, connection error: desc = "transport: Error while dialing: dial tcp: lookup istiod.no-such-namespace.svc on 10.43.0.10:53: no such host{via_upstream}"\tthread=14';
const rejected =
  '2026-11-28T18:00:02.1Z\twarning\tenvoy config external/envoy/source/extensions/config_subscription/grpc/delta_subscription_state.cc:296\tdelta config for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: Error adding/updating cluster(s) outbound|3128||my-company-proxy.com: Proto constraint validation failed';
const connected =
  '2026-11-28T18:00:09.1Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012';

test('istiod is refused, or its name is unknown', () => {
  expect(complaintOf(`a\n${refused}\n`)).toEqual({
    kind: 'unreachable',
    words: 'Error while dialing: dial tcp 127.0.0.1:9: connect: connection refused',
  });
  expect(complaintOf(unknown)).toMatchObject({ kind: 'unreachable' });
  expect(complaintOf(unknown)?.words).toMatch(/no such host$/);
});

test('Envoy rejects a cluster', () => {
  expect(complaintOf(`${connected}\n${rejected}`)).toMatchObject({ kind: 'rejected' });
  expect(complaintOf(`${connected}\n${rejected}`)?.words).toBe(
    'Cluster outbound|3128||my-company-proxy.com: Proto constraint validation failed',
  );
});

test('Envoy rejects a cluster, which it prints before it says why', () => {
  const whole = [
    `${rejected.slice(0, rejected.indexOf(' rejected:'))} rejected: goo.gle/debugonly  `,
    'name: "outbound|3128||my-company-proxy.com"',
    'connect_timeout {',
    '}',
    ': Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must be greater than 0s)\tthread=13',
    '',
  ].join('\n');
  expect(complaintOf(`${connected}\n${whole}`)?.words).toBe(
    'Cluster outbound|3128||my-company-proxy.com: Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must be greater than 0s)',
  );
});

test('Envoy rejects a listener, and pilot-agent counts it from then on', () => {
  const message = rejected.replace('cluster.v3.Cluster', 'listener.v3.Listener');
  const whole = message.replace(
    /Error adding.*/,
    'Error adding/updating listener(s) 10.42.0.5_3128: goo.gle/debugonly  \nmax_connect_attempts {\n}\n: Proto constraint validation failed\n\tthread=14',
  );
  const counting =
    '2026-11-28T19:14:51.8Z\twarn\tEnvoy proxy is NOT ready: config received from XDS server, but was rejected: cds updates: 1 successful, 0 rejected; lds updates: 0 successful, 1 rejected';
  expect(complaintOf(`${connected}\n${whole}\n${counting}\n${counting}\n`)).toEqual({
    kind: 'rejected',
    words: 'Listener 10.42.0.5_3128: Proto constraint validation failed',
  });
  expect(complaintOf(counting)?.words).toBe(
    'cds updates: 1 successful, 0 rejected; lds updates: 0 successful, 1 rejected',
  );
});

test('what was overcome is no complaint, nor is the log of an application', () => {
  expect(complaintOf(`${refused}\n${connected}`)).toBeUndefined();
  expect(complaintOf('connection refused')).toBeUndefined();
  expect(complaintOf('')).toBeUndefined();
});

test('proxy variables, without their passwords', () => {
  const env = [{ name: 'HTTPS_PROXY', value: 'http://me:secret@proxy:3128' }, { name: 'POD_NAME' }];
  expect(proxyVariablesOf(env)).toEqual(['HTTPS_PROXY=http://…@proxy:3128']);
});
