import { inject, test } from 'vitest';
import { GateMatrix } from './gate-matrix.ts';
import type {} from './meta.ts';
import { gateFaults } from './upgrade.ts';

const chosen = inject('faults');
const matrix = new GateMatrix(inject('session'));

for (const fault of gateFaults) {
  if (!chosen.includes(fault.id)) continue;
  test(`${fault.id} ${fault.title}`, async ({ task, skip }) => {
    const unsound = matrix.unsound();
    if (unsound !== undefined) skip(unsound);
    const result = await matrix.try(fault);
    task.meta.fault = result;
    if (result.asExpected) return;
    const found = result.caught ? `${result.step} ${result.cause}: ${result.seen}` : 'not caught';
    throw new Error(`expected ${result.expectedStep} ${result.expectedCause}; ${found}`);
  });
}
