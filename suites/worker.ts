import { inject, vi } from 'vitest';
import type {} from '../helpers/results/vitest-context.ts';
import { scaleTimeouts } from '../helpers/timeouts.ts';

/** Before the tests of a worker: the run's time limits, which its process has set for itself alone. */
const { timeoutScale, pauseOnFailure } = inject('session').configuration;
scaleTimeouts(timeoutScale);

// Every wait inside a step has a deadline of its own that names what it waited for; vitest's limits only catch a step
// that hangs in spite of them. A person who looks at a failure has none.
const testTimeout = pauseOnFailure ? 0 : 1_800_000 * Math.max(1, timeoutScale);
vi.setConfig({ testTimeout, hookTimeout: 900_000 * Math.max(1, timeoutScale) });
