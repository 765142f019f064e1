import { inject, vi } from 'vitest';
import type {} from '../helpers/results/vitest-context.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';

/** Applies the run's time limits to a worker; the CLI has set them in its own process only. */
const { timeoutScale, pauseOnFailure } = inject('conformance');
scaleTimeouts(timeoutScale);

// Every wait inside a step has its own deadline and names what it waits for. vitest's limits catch a step that hangs all
// the same. A pause for a person has no limit.
const testTimeout = pauseOnFailure ? 0 : 1_800_000 * Math.max(1, timeoutScale);
vi.setConfig({ testTimeout, hookTimeout: 900_000 * Math.max(1, timeoutScale) });
