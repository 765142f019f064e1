import { access } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Step } from '../document/step.ts';
import { allSteps, documentSteps } from '../steps.ts';
import { stepsMustBeWhole } from './test-steps.ts';
import { conformance } from './vitest-options.ts';

const own = (id: string, ...needs: string[]): Step => ({
  id,
  section: 'own',
  title: 'ours',
  commands: [],
  needs,
  run: () => Promise.resolve(),
});

describe('steps given to testSteps', () => {
  it('are whole: the document’s, all there are, and own ones after what they need', () => {
    stepsMustBeWhole(documentSteps);
    stepsMustBeWhole(allSteps);
    stepsMustBeWhole([...documentSteps, own('OWN-1', 'MESH-1'), own('OWN-2', 'OWN-1')]);
  });

  it.each([
    ['there', [own('OWN-1', 'MESH-9')]],
    ['before it', [own('OWN-1', 'MESH-9'), own('MESH-9')]],
  ])('are refused when a need is not %s: it would be no need at all', (_where, steps) => {
    expect(() => {
      stepsMustBeWhole(steps);
    }).toThrow('Step OWN-1 needs MESH-9, which is not among the steps before it');
  });

  it('are refused when two have one id', () => {
    expect(() => {
      stepsMustBeWhole([own('OWN-1'), own('OWN-1')]);
    }).toThrow('There are two steps OWN-1');
  });
});

describe('the part of a vitest configuration', () => {
  it('names files that are there, and carries the configuration with its defaults', async () => {
    const { globalSetup, setupFiles, provide } = conformance({ target: 'hermetic' });
    for (const file of [globalSetup, setupFiles ?? []].flat()) await access(file);
    expect(provide.conformance).toMatchObject({ target: 'hermetic', images: 'auto', repeat: 1 });
  });

  it('is refused with the setting that is wrong', () => {
    const wrong = { target: 'wikipedia' } as unknown as Parameters<typeof conformance>[0];
    expect(() => conformance(wrong)).toThrow(/^conformance\(\) in the vitest configuration: [^]*at target$/);
  });
});
