import { describe, expect, it } from 'vitest';
import { exportsEndingIn } from '../../tests/support/exports.ts';
import { allFaults } from '../index.ts';
import { healthyMeshes } from './index.ts';
import { healthyUpgrades } from './upgrades.ts';
import { healthyPage, type HealthyResult } from './result.ts';

const green: HealthyResult = {
  id: 'MTLS-STRICT',
  title: 'PeerAuthentication STRICT',
  green: true,
  step: '',
  cause: '',
  seen: '',
  notes: ['witnesses: client, sidecar, proxy, origin'],
  seconds: 12,
};

describe('the healthy meshes', () => {
  it('have ids of their own, which no fault has', () => {
    const ids = [...healthyMeshes, ...healthyUpgrades, ...allFaults].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[A-Z0-9]+(-[A-Z0-9]+)*$/);
  });

  it('are all tried, whatever file lists them', async () => {
    const lists = await exportsEndingIn('Meshes', import.meta.dirname);
    expect(new Set(lists.flatMap(([, list]) => list))).toEqual(new Set(healthyMeshes));
  });

  it('are at least thirty', () => {
    expect(healthyMeshes.length).toBeGreaterThanOrEqual(30);
  });

  it.each(healthyMeshes)(
    '$id has something',
    ({ objects, inject, meshConfig, istiod, makesNamespaces, proxy }) => {
      expect(objects ?? inject ?? meshConfig ?? istiod ?? makesNamespaces ?? proxy).toBeDefined();
    },
  );

  it.each(healthyMeshes.filter(({ inject, objects }) => inject !== undefined && objects === undefined))(
    '$id is taken out again',
    ({ undo }) => {
      expect(undo).toBeDefined();
    },
  );
});

describe('the table', () => {
  it('counts the green ones, and says of a red one where and why', () => {
    const page = healthyPage([
      green,
      {
        ...green,
        id: 'A',
        green: false,
        step: 'CONTROL-1',
        cause: 'WRONG_CLUSTER',
        seen: 'cluster outbound|3128||x',
      },
    ]);
    expect(page).toContain('**green: 1 of 2.** 24 s in all.');
    expect(page).toContain(
      '| MTLS-STRICT | PeerAuthentication STRICT | green | witnesses: client, sidecar, proxy, origin | 12.0 |',
    );
    expect(page).toContain('| **red** at CONTROL-1: WRONG_CLUSTER: cluster outbound\\|3128\\|\\|x |');
  });
});
