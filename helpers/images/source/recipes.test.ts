import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { roles } from '../roles.ts';
import { resolveVersions, sourceVersions } from '../versions.ts';
import { istioStamps, kubernetesStamps } from './go.ts';
import { sourceLabel } from './image.ts';
import { sourceRecipes } from './recipes.ts';
import type { Step } from './graph.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const versions = sourceVersions(resolveVersions({ istio: '1.29.1' }));

function namesBelow(step: Step): string[] {
  return [step.name, ...step.needs.flatMap(namesBelow)];
}

describe('sourceRecipes', () => {
  const recipes = sourceRecipes(versions, 'amd64');

  it('has a step for every role', () => {
    expect(Object.keys(recipes).sort()).toEqual([...roles].sort());
  });

  it('names images by version and key', () => {
    expect(recipes.pilot.output('0123456789ab')).toBe(
      'localhost/conformance-source/pilot:1.29.1-0123456789ab',
    );
    expect(recipes.k3s.output('0123456789ab')).toBe('localhost/conformance-source/node:1.35.4-0123456789ab');
  });

  it('builds the proxy on Envoy and Istio, the node on Kubernetes, and Squid on none of them', () => {
    expect(namesBelow(recipes.proxyv2)).toEqual(expect.arrayContaining(['envoy', 'istio']));
    expect(namesBelow(recipes.proxyv2)).not.toContain('kubernetes');
    expect(namesBelow(recipes.k3s)).toContain('kubernetes');
    expect(namesBelow(recipes.k3s)).not.toContain('istio');
    for (const name of ['envoy', 'istio', 'kubernetes'])
      expect(namesBelow(recipes.squid)).not.toContain(name);
  });
});

it('builds a containerd and a runc for the node that asks for them, and for no other', () => {
  const newer = sourceRecipes(sourceVersions(resolveVersions({ istio: '1.31.0', k8s: '1.36.3' })), 'amd64');
  expect(namesBelow(newer.k3s)).toEqual(
    expect.arrayContaining(['image machine-containerd', 'containerd', 'runc']),
  );
  expect(namesBelow(newer.k3s)).not.toContain('image machine');
  const older = namesBelow(sourceRecipes(versions, 'amd64').k3s);
  expect(older).toContain('image machine');
  expect(older).not.toContain('containerd');
});

it('labels every layer that a build can leave', async () => {
  const label = `LABEL ${sourceLabel.name}=${sourceLabel.value}`;
  for await (const file of glob('images/*/Dockerfile', { cwd: repository })) {
    const lines = (await readFile(join(repository, file), 'utf8')).split('\n');
    for (const [index, line] of lines.entries()) {
      // Stage slim is only copied from: it has no layers of its own.
      if (line.startsWith('FROM') && !line.endsWith('AS slim'))
        expect([file, lines[index + 1]]).toEqual([file, label]);
    }
  }
});

it('stamps the versions that kubelet, istiod and istioctl tell', () => {
  expect(kubernetesStamps(versions)).toMatchObject({
    'k8s.io/component-base/version.gitVersion': 'v1.35.4',
    'k8s.io/component-base/version.gitMinor': '35',
  });
  expect(istioStamps(versions)).toMatchObject({ 'istio.io/istio/pkg/version.buildVersion': '1.29.1' });
});
