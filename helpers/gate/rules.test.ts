import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { parseVersions, versionsFile, type VersionsFile } from '../images/versions.ts';
import { brokenRules, pairTo, resolvePair, type PairRequest } from './rules.ts';

const entry = (kubernetes: string[], published = true) => ({
  kubernetes,
  support: 'https://istio.io/latest/docs/releases/supported-releases/',
  envoy: '1.37',
  ...(published ? { registry: 'docker.io/istio' } : {}),
});

/** Made for the rules, so that a new release in fixtures/versions.yaml does not change what is tested. */
const known: VersionsFile = {
  ...versionsFile(),
  default: { istio: '1.29.1', kubernetes: '1.33.5' },
  istio: {
    '1.27.0': entry(['1.30', '1.31']),
    '1.28.3': entry(['1.31', '1.32', '1.33', '1.34']),
    '1.28.9': entry(['1.31', '1.32', '1.33', '1.34']),
    '1.29.1': entry(['1.31', '1.32', '1.33', '1.34', '1.35']),
    '1.30.4': entry(['1.34', '1.35', '1.36']),
    '1.31.0-dev.20260827': entry(['1.35', '1.36'], false),
  },
  kubernetes: Object.fromEntries(
    ['1.33.5', '1.34.4', '1.34.10', '1.35.4', '1.36.0'].map((version) => [
      version,
      { k3s: `docker.io/rancher/k3s:v${version}-k3s1` },
    ]),
  ),
};

const request = (from: string, to: string, more: Partial<PairRequest> = {}): PairRequest => ({
  from,
  to,
  strategy: 'canary',
  rollback: false,
  allowUnsupported: false,
  ...more,
});

function refusal(asked: PairRequest): UsageError {
  try {
    resolvePair(asked, known);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const allowed = { allowUnsupported: true };

describe('what makes no sense is refused whatever is allowed', () => {
  it.each([{}, allowed])('the same version twice, %o', (more) => {
    const error = refusal(request('1.29.1', 'v1.29.1', more));
    expect(error.message).toContain('--from and --to are both 1.29.1');
    expect(error.message).toContain('https://istio.io/latest/docs/setup/upgrade/');
    expect(error.hint).not.toContain('--allow-unsupported');
  });

  it.each([{}, allowed])('a downgrade without --rollback, with the way it is rehearsed, %o', (more) => {
    const error = refusal(request('1.29.1', '1.28.3', more));
    expect(error.message).toContain('1.28.3 is older than 1.29.1');
    expect(error.message).toContain('https://istio.io/latest/docs/setup/upgrade/in-place/');
    expect(error.hint).toBe('Going back is rehearsed by --from 1.28.3 --to 1.29.1 --rollback.');
  });

  it('a development version is older than the release it becomes', () => {
    const withRelease = { ...known, istio: { ...known.istio, '1.31.0': entry(['1.36']) } };
    expect(
      brokenRules(request('1.31.0', '1.31.0-dev.20260827'), withRelease).map(({ reason }) => reason),
    ).toEqual(['1.31.0-dev.20260827 is older than 1.31.0: this would be a downgrade']);
  });

  it.each([{}, allowed])('an unknown version, with the nearest and the list, %o', (more) => {
    const error = refusal(request('1.28.4', '1.29.1', more));
    expect(error.message).toBe('Istio 1.28.4 is not listed in fixtures/versions.yaml.');
    expect(error.hint).toBe(
      'Did you mean 1.28.3? Listed: 1.31.0-dev.20260827, 1.30.4, 1.29.1, 1.28.9, 1.28.3, 1.27.0.',
    );
  });

  it('an unknown Kubernetes', () => {
    expect(refusal(request('1.28.3', '1.29.1', { k8s: '1.34.5', ...allowed })).message).toBe(
      'Kubernetes 1.34.5 is not listed in fixtures/versions.yaml.',
    );
  });

  it('--rollback in place', () => {
    const error = refusal(request('1.28.3', '1.29.1', { strategy: 'in-place', rollback: true, ...allowed }));
    expect(error.message).toContain('--rollback goes back after the first namespace of a canary');
    expect(error.message).toContain('https://istio.io/latest/docs/setup/upgrade/canary/');
  });
});

describe('how far an upgrade may go', () => {
  it.each([
    ['1.28.3', '1.28.9', 'in-place'],
    ['1.28.3', '1.29.1', 'in-place'],
    ['1.28.3', '1.29.1', 'canary'],
    ['1.28.3', '1.30.4', 'canary'],
    ['1.29.1', '1.31.0-dev.20260827', 'canary'],
    ['1.30.4', '1.31.0-dev.20260827', 'in-place'],
  ] as const)('%s to %s %s is supported', (from, to, strategy) => {
    expect(brokenRules(request(from, to, { strategy }), known)).toEqual([]);
  });

  it('in place two minors are one too many, and the way is named', () => {
    const error = refusal(request('1.28.3', '1.30.4', { strategy: 'in-place' }));
    expect(error.message).toBe(
      'In place, an upgrade goes one minor version at a time; 1.28.3 and 1.30.4 are 2 minor versions apart ' +
        '(https://istio.io/latest/docs/setup/upgrade/in-place/#upgrade-prerequisites).',
    );
    expect(error.hint).toContain('Go by way of 1.29.1');
    expect(error.hint).toContain('--allow-unsupported');
  });

  it('a canary goes two minors, not three', () => {
    const error = refusal(request('1.28.3', '1.31.0-dev.20260827', { k8s: '1.35.4' }));
    expect(error.message).toContain('By revision (canary), an upgrade goes two minor versions at most');
    expect(error.message).toContain('https://istio.io/latest/docs/setup/upgrade/canary/');
    expect(error.message, 'every broken rule is named').toContain(
      'Istio 1.28.3 does not support Kubernetes 1.35.4',
    );
    expect(error.hint).toContain('by way of 1.30.4');
  });

  it('another major version is never one step', () => {
    const major = { ...known, istio: { ...known.istio, '2.29.1': entry(['1.34']) } };
    expect(brokenRules(request('1.29.1', '2.29.1'), major)[0]?.reason).toContain('are major versions apart');
  });

  it('--allow-unsupported lifts it', () => {
    const asked = request('1.28.3', '1.30.4', { strategy: 'in-place', ...allowed });
    expect(resolvePair(asked, known)).toEqual({
      from: '1.28.3',
      to: '1.30.4',
      strategy: 'in-place',
      kubernetes: '1.34.10',
    });
  });

  it('counts back as far when a rollback starts from the newer version', () => {
    expect(resolvePair(request('1.30.4', '1.28.3', { rollback: true }), known)).toMatchObject({
      from: '1.30.4',
      to: '1.28.3',
    });
    expect(brokenRules(request('1.30.4', '1.27.0', { rollback: true }), known).length).toBeGreaterThan(0);
  });
});

describe('the Kubernetes of a pair', () => {
  it.each([
    ['the default where both support it', '1.28.3', '1.29.1', '1.33.5'],
    ['else the newest that both support, by number and not by letter', '1.29.1', '1.30.4', '1.35.4'],
    ['else the newest that both support', '1.28.3', '1.30.4', '1.34.10'],
  ])('is %s', (_rule, from, to, kubernetes) => {
    expect(resolvePair(request(from, to), known).kubernetes).toBe(kubernetes);
  });

  it('is the one asked for, as a tag has it', () => {
    expect(resolvePair(request('1.28.3', '1.29.1', { k8s: 'v1.34.4' }), known).kubernetes).toBe('1.34.4');
  });

  it('is refused where one of the two does not support it, with the ones that both do', () => {
    const error = refusal(request('1.28.3', '1.29.1', { k8s: '1.35.4' }));
    expect(error.message).toBe(
      'Istio 1.28.3 does not support Kubernetes 1.35.4: it supports 1.31, 1.32, 1.33, 1.34 ' +
        '(https://istio.io/latest/docs/releases/supported-releases/).',
    );
    expect(error.hint).toContain('1.34.10, 1.34.4, 1.33.5 (--k8s)');
    expect(resolvePair(request('1.28.3', '1.29.1', { k8s: '1.35.4', ...allowed }), known).kubernetes).toBe(
      '1.35.4',
    );
  });

  it('where none fits both, is refused, or the newest that the newer one supports', () => {
    const error = refusal(request('1.29.1', '1.31.0-dev.20260827', { k8s: '1.36.0' }));
    expect(error.message).toContain('Istio 1.29.1 does not support Kubernetes 1.36.0');
    const none = refusal(request('1.27.0', '1.28.3'));
    expect(none.message).toContain('No listed version of Kubernetes fits both Istio 1.27.0');
    expect(none.message).toContain('https://istio.io/latest/docs/releases/supported-releases/');
    expect(resolvePair(request('1.27.0', '1.28.3', allowed), known).kubernetes).toBe('1.34.10');
    expect(resolvePair(request('1.28.3', '1.31.0-dev.20260827', allowed), known).kubernetes).toBe('1.36.0');
  });
});

it('finds the version to come from where the images of the other come from', () => {
  const source = { lock: 'k8s-1.34', module: 'v0.0.0-1', envoyServer: '1.36.4' };
  const built = { ...known, istio: { ...known.istio, '1.28.3': { ...entry(['1.33']), source } } };
  expect(pairTo('1.29.1', 'registry', built).from).toBe('1.28.9');
  expect(pairTo('1.29.1', 'source', built)).toMatchObject({ from: '1.28.3', kubernetes: '1.33.5' });
  expect(() => pairTo('1.30.4', 'source', built)).toThrow(/whose images come from a build/);
});

it('holds for the file as it is: the pair that this project was made for', () => {
  const file = parseVersions(JSON.stringify(versionsFile()));
  for (const strategy of ['canary', 'in-place'] as const) {
    expect(brokenRules(request('1.28.3', '1.29.1', { strategy }), file)).toEqual([]);
  }
});
