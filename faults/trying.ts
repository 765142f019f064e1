import { test } from 'vitest';
import type { HealthyResult } from './healthy/result.ts';
import type { Handed } from '../helpers/session/session.ts';
import type { FaultResult } from './result.ts';

declare module 'vitest' {
  interface TaskMeta {
    fault?: FaultResult;
    healthy?: HealthyResult;
  }
}

/** Defines a test for each fault that was chosen; it fails when the fault is not caught as expected. */
export function testFaults<One extends { readonly id: string; readonly title: string }>(
  chosen: Handed['faults'],
  faults: readonly One[],
  matrix: { unsound(): string | undefined; try(fault: One): Promise<FaultResult> },
): void {
  for (const fault of faults) {
    if (chosen?.includes(fault.id) !== true) continue;
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
}

/** Defines a test for each healthy mesh or upgrade that was chosen; it fails where the suite is red. */
export function testHealthy<One extends { readonly id: string; readonly title: string }>(
  chosen: Handed['faults'],
  healthy: readonly One[],
  matrix: { unsound(): string | undefined; tryHealthy(one: One): Promise<HealthyResult> },
): void {
  for (const one of healthy.filter(({ id }) => chosen?.includes(id) === true)) {
    test(`${one.id} ${one.title}`, async ({ task, skip }) => {
      const unsound = matrix.unsound();
      if (unsound !== undefined) skip(unsound);
      const result = await matrix.tryHealthy(one);
      task.meta.healthy = result;
      if (!result.green) throw new Error(`false alarm at ${result.step}: ${result.cause}: ${result.seen}`);
    });
  }
}
