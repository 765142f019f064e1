import { describe, expect, it } from 'vitest';
import { injectionLabels, injectorOf, istiodOf, meshConfigMapOf, revisionOf } from './revision.ts';

describe('revisions', () => {
  it.each([
    ['1.29.1', '1-29-1'],
    ['1.31.0-dev.20260827', '1-31-0-dev-20260827'],
  ])('a version becomes a name: %s', (version, revision) => {
    expect(revisionOf(version)).toBe(revision);
  });

  it('the default one has plain names', () => {
    expect([istiodOf(undefined), meshConfigMapOf(undefined), injectorOf(undefined)]).toEqual([
      'istiod',
      'istio',
      'istio-sidecar-injector',
    ]);
    expect([istiodOf('1-29-1'), meshConfigMapOf('1-29-1')]).toEqual(['istiod-1-29-1', 'istio-1-29-1']);
  });

  it('a namespace has the label of one revision and not the other, which would win', () => {
    expect(injectionLabels(undefined)).toEqual({ 'istio-injection': 'enabled', 'istio.io/rev': null });
    expect(injectionLabels('1-29-1')).toEqual({ 'istio-injection': null, 'istio.io/rev': '1-29-1' });
  });
});
