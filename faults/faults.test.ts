import { beforeAll, inject, test } from 'vitest';
import { faults } from './index.ts';
import type {} from './meta.ts';
import { Matrix } from './matrix.ts';

const chosen = inject('faults');
const matrix = new Matrix(inject('session'));

beforeAll(async () => {
  await matrix.begin();
});

for (const fault of faults) {
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
