import { describe, expect, it } from 'vitest';
import { causes } from '../helpers/causes/causes.ts';
import { defaultEdition } from '../fixtures/document/editions.ts';
import { everyStep } from '../suites/steps.ts';
import { exportsEndingIn } from '../tests/support/exports.ts';
import { allFaults, faults } from './index.ts';
import { faultsPage, type FaultResult } from './result.ts';

const result = (overrides: Partial<FaultResult>): FaultResult => ({
  id: 'ENTRY-TLS',
  title: 'Protocol TLS in the entry',
  caught: true,
  asExpected: true,
  step: 'MESH-1',
  expectedStep: 'MESH-1',
  cause: 'SERVICE_ENTRY_PROTOCOL',
  expectedCause: 'SERVICE_ENTRY_PROTOCOL',
  seen: '',
  fourGreps: false,
  fourGrepsMissed: '',
  seconds: 6,
  ...overrides,
});

describe('the faults', () => {
  const steps = everyStep({ edition: defaultEdition }).map(({ id }) => id);

  it('are all in the matrix, whatever file lists them', async () => {
    const lists = await exportsEndingIn('Faults', import.meta.dirname);
    const listed = lists.flatMap(([name, list]) =>
      name !== 'allFaults' && Array.isArray(list) ? (list as typeof allFaults) : [],
    );
    expect(new Set(listed)).toEqual(new Set(allFaults));
  });

  it.each(faults)('$id changes something', ({ objects, inject }) => {
    expect(objects ?? inject).toBeDefined();
  });

  it('have ids of their own', () => {
    expect(new Set(allFaults.map(({ id }) => id)).size).toBe(allFaults.length);
    for (const { id } of allFaults) expect(id).toMatch(/^[A-Z0-9]+(-[A-Z0-9]+)*$/);
  });

  it.each(faults)(
    '$id names steps that exist, in an order that can catch it',
    ({ before, expect: caught }) => {
      expect(steps).toContain(caught.step);
      if (before === undefined) return;
      expect(steps).toContain(before);
      expect(steps.indexOf(before)).toBeLessThanOrEqual(steps.indexOf(caught.step));
    },
  );

  it('end with what the cluster does not survive', () => {
    const fatal = faults.filter((fault) => fault.fatal === true);
    expect(faults.slice(-fatal.length)).toEqual(fatal);
  });

  it('cover every family of causes', () => {
    const families = new Set(allFaults.map((fault) => causes[fault.expect.cause].family));
    expect([...families].sort()).toEqual(
      ['clean-up', 'client', 'destination', 'environment', 'mesh', 'proxy', 'sidecar', 'upgrade'].sort(),
    );
  });
});

describe('the table', () => {
  it('counts both judges, and shows what neither expected nor caught', () => {
    const page = faultsPage([
      result({}),
      result({ id: 'A', fourGreps: true, fourGrepsMissed: 'title from the mesh', seconds: 10 }),
      result({ id: 'B', caught: false, asExpected: false, step: '', cause: '' }),
    ]);
    expect(page).toContain('**Caught by the suite: 2 of 3. By four searches: 1 of 3.** 22 s in all.');
    expect(page).toContain(
      '| ENTRY-TLS | Protocol TLS in the entry | MESH-1 | SERVICE_ENTRY_PROTOCOL | **passed** | 6.0 |',
    );
    expect(page).toContain('| title from the mesh | 10.0 |');
    expect(page).toContain('not caught (expected MESH-1) | - (expected SERVICE_ENTRY_PROTOCOL)');
  });
});
