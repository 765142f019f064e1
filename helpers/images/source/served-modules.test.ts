import { expect, it } from 'vitest';
import { nearestOf, notServedIn } from './served-modules.ts';

const wanted = 'v1.37.1-0.20260409083702-98966259b99a';

it('takes the next newer version: a tag, or a commit of another day', () => {
  expect(nearestOf(wanted, ['v1.36.0', 'v1.40.0', 'v1.38.0'])).toBe('v1.38.0');
  const commit = 'v1.37.1-0.20260713214202-ca8ce173c36f';
  expect(nearestOf(wanted, ['v1.37.0', commit, 'v1.38.0'])).toBe(commit);
});

it('takes the newest older one where none is newer', () => {
  const [older, oldest] = ['v0.0.0-20260501213430-773586679f1c', 'v0.0.0-20250101000000-000000000000'];
  expect(nearestOf('v0.0.0-20260506232448-6ae4ab07bb06', [oldest, older])).toBe(older);
  expect(nearestOf(wanted, ['not a version', wanted])).toBeUndefined();
});

it('reads what go says of versions that are not served, each once, and nothing else', () => {
  const refused = (path: string, module: string, version: string): string =>
    `go: conformance.test/images/istio imports\n\t${path}: ${module}@${version}: reading ` +
    `https://proxy.example/${module}/@v/${version}.zip: 403 Forbidden\n\tserver response: not available.\n`;
  const said =
    'go: downloading istio.io/api v1.30.4\n' +
    refused('istio.io/api/label', 'istio.io/api', 'v1.30.4-0.20260824163423-69099aec2678') +
    refused('istio.io/api/type/v1beta1', 'istio.io/api', 'v1.30.4-0.20260824163423-69099aec2678') +
    'go: a.example/b@v0.0.0-20260101000000-000000000000: invalid version: unknown revision 000000000000\n' +
    'go: c.example/d@v1.0.0: Get "https://proxy.example/c.example/d/@v/v1.0.0.mod": dial tcp: connection refused\n';
  expect(notServedIn(said)).toEqual([
    { module: 'istio.io/api', version: 'v1.30.4-0.20260824163423-69099aec2678' },
    { module: 'a.example/b', version: 'v0.0.0-20260101000000-000000000000' },
  ]);
});
