import { expect, test } from 'vitest';
import { failedWebhook, toldWebhook } from './webhook.ts';

/** What real API servers (1.35.4) said; the first with the host's certificate, the others shortened. */
test.each([
  [
    'Applying ServiceEntry default/proxy was refused: 500: Internal error occurred: failed calling webhook "serviceentries.company-policy.example.com": failed to call webhook: Post "https://company-policy.company-policy.svc:443/validate?timeout=5s": service "company-policy" not found',
    {
      name: 'serviceentries.company-policy.example.com',
      service: 'company-policy/company-policy',
      why: 'service "company-policy" not found',
      istios: false,
    },
  ],
  [
    'failed calling webhook "mutate.company-policy.example.com": failed to call webhook: Post "https://10.255.0.1:8443/mutate?timeout=2s": tls: failed to verify certificate: x509: cannot validate certificate for 10.255.0.1 because it doesn\'t contain any IP SANs',
    { name: 'mutate.company-policy.example.com', service: undefined, host: '10.255.0.1:8443', istios: false },
  ],
  [
    'failed calling webhook "rev.validation.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/validate?timeout=10s": dial tcp 10.43.0.9:443: connect: connection refused',
    { service: 'istio-system/istiod', istios: true },
  ],
  // As an event of a ReplicaSet, quoted in JSON.
  [
    'FailedCreate: {"message":"Internal error occurred: failed calling webhook \\"pods.example.com\\": context deadline exceeded"}',
    { name: 'pods.example.com', service: undefined, host: undefined },
  ],
])('%s', (text, webhook) => {
  expect(failedWebhook(text)).toMatchObject(webhook);
});

test('a webhook that denies did answer', () => {
  const text = 'admission webhook "validation.istio.io" denied the request: configuration is invalid';
  expect(failedWebhook(text)).toBeUndefined();
});

test('one line', () => {
  expect(
    toldWebhook({ name: 'a.b', service: 'ns/svc', host: 'svc.ns.svc:443', why: 'not found', istios: false }),
  ).toBe('webhook a.b (Service ns/svc): not found');
  expect(toldWebhook({ name: 'a.b', service: undefined, host: 'h:1', why: 'refused', istios: false })).toBe(
    'webhook a.b (h:1): refused',
  );
});
