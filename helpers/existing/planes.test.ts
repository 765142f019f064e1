import { describe, expect, it } from 'vitest';
import { planeLines, upgradeBetween, type Plane, type Planes } from './planes.ts';
import type { Injector } from './found-istio.ts';

function plane(revision: string, version: string): Plane {
  const pods = [`istiod-${revision}-x`];
  return { revision, version, image: `istio/pilot:${version}`, pods, ready: true };
}

function injector(revision: string, name = revision, isDefault = false): Injector {
  return { revision, name, namespace: 'istio-system', isDefault };
}

function mesh(planes: readonly Plane[], injectors: readonly Injector[] = []): Planes {
  return { planes, injectors };
}

const byDefault = { revision: undefined, injection: { 'istio-injection': 'enabled' } };
const before = mesh([plane('default', '1.28.3')], [injector('default', 'default', true)]);

describe('upgradeBetween', () => {
  it('finds nothing where nothing changed, however often istiod was restarted', () => {
    const restarted = { ...plane('default', '1.28.3'), pods: ['istiod-other'] };
    expect(upgradeBetween(before, mesh([restarted]), byDefault)).toBeUndefined();
  });

  it('finds nothing in a further revision of the same version', () => {
    const after = mesh([plane('default', '1.28.3'), plane('copy', '1.28.3')]);
    expect(upgradeBetween(before, after, byDefault)).toBeUndefined();
  });

  it('finds nothing in what happened to a revision that was there and is another’s', () => {
    const both = mesh([plane('default', '1.28.3'), plane('edge', '1.29.0')]);
    const after = mesh([plane('default', '1.28.3'), plane('edge', '1.29.1')]);
    expect(upgradeBetween(both, after, byDefault)).toBeUndefined();
  });

  it('tells an upgrade in place, and keeps the labels', () => {
    expect(upgradeBetween(before, mesh([plane('default', '1.29.1')]), byDefault)).toMatchObject({
      strategy: 'in-place',
      plane: { revision: 'default', version: '1.29.1' },
      injection: { 'istio-injection': 'enabled' },
      oldStays: true,
    });
  });

  it('tells another build of the same release, by its image', () => {
    const build = { ...plane('default', '1.28.3'), image: 'istio/pilot:1.28.3-distroless' };
    expect(upgradeBetween(before, mesh([build]), byDefault)).toMatchObject({ strategy: 'in-place' });
  });

  it('tells the new version while the old pod is still there', () => {
    const rolling = mesh([plane('default', '1.28.3'), plane('default', '1.29.1')]);
    expect(upgradeBetween(before, rolling, byDefault)).toMatchObject({ plane: { version: '1.29.1' } });
  });

  it('tells a canary, and the labels that lead to it', () => {
    const after = mesh(
      [plane('default', '1.28.3'), plane('1-29-1', '1.29.1')],
      [injector('default', 'default', true), injector('1-29-1')],
    );
    expect(upgradeBetween(before, after, byDefault)).toMatchObject({
      strategy: 'canary',
      plane: { revision: '1-29-1' },
      injection: { 'istio.io/rev': '1-29-1' },
      oldStays: true,
    });
  });

  it('keeps the labels of a canary whose tag was moved', () => {
    const byTag = { revision: 'old', injection: { 'istio.io/rev': 'stable' } };
    const tagged = mesh([plane('old', '1.28.3')], [injector('old'), injector('old', 'stable')]);
    const after = mesh(
      [plane('old', '1.28.3'), plane('new', '1.29.1')],
      [injector('old'), injector('new'), injector('new', 'stable')],
    );
    expect(upgradeBetween(tagged, after, byTag)?.injection).toEqual({ 'istio.io/rev': 'stable' });
  });

  it('tells a canary that was there before, once the tag of the namespace leads to it', () => {
    const byTag = { revision: 'old', injection: { 'istio.io/rev': 'stable' } };
    const planes = [plane('old', '1.28.3'), plane('new', '1.29.1')];
    const tagged = mesh(planes, [injector('old', 'stable'), injector('new')]);
    const moved = mesh(planes, [injector('new', 'stable'), injector('new')]);
    expect(upgradeBetween(tagged, tagged, byTag)).toBeUndefined();
    expect(upgradeBetween(tagged, moved, byTag)).toMatchObject({
      ...{ strategy: 'canary', plane: { revision: 'new' }, injection: { 'istio.io/rev': 'stable' } },
      oldStays: true,
    });
  });

  it('tells that the old revision of a canary is gone', () => {
    const after = mesh([plane('1-29-1', '1.29.1')], [injector('1-29-1', 'default', true)]);
    expect(upgradeBetween(before, after, byDefault)).toMatchObject({ strategy: 'canary', oldStays: false });
  });
});

describe('planeLines', () => {
  it('names each control plane and who is injected by it', () => {
    const injectors = [injector('default', 'default', true), injector('default', 'stable')];
    expect(planeLines(mesh([plane('default', '1.28.3'), plane('lost', '1.27.0')], injectors))).toEqual([
      'istiod-default-x: revision default, istio/pilot:1.28.3, ready, injects istio-injection=enabled, istio.io/rev=stable',
      'istiod-lost-x: revision lost, istio/pilot:1.27.0, ready, no injector',
    ]);
  });
});
