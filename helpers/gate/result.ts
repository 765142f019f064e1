import { z } from 'zod';
import { trafficAccount } from '../traffic/account.ts';
import { difference } from './differences.ts';
import { observation } from './observation.ts';

/** What a gate is asked to do; plain data. */
export const gatePlan = z.object({
  from: z.string(),
  to: z.string(),
  strategy: z.enum(['canary', 'in-place']),
  rollback: z.boolean().describe('after the first namespace, back to `from`'),
  strict: z.boolean().describe('differences nobody has reviewed are red'),
});
export type GatePlan = z.infer<typeof gatePlan>;

const comparison = z.object({
  before: z.string().describe('title of the phase compared with'),
  after: z.string(),
  differences: z.array(difference),
  unused: z
    .array(z.string())
    .describe('entries of fixtures/expected-changes.yaml for this pair that did not come true'),
  observed: z
    .object({ before: observation, after: observation })
    .optional()
    .describe('what was compared, for the tables of comparison.md'),
});
export type Comparison = z.infer<typeof comparison>;

const phase = z.object({
  id: z.string(),
  title: z.string(),
  startedAt: z.string(),
  durationMs: z.number(),
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
});
export type GatePhase = z.infer<typeof phase>;

/** The part of results.json that only a gate has. */
export const gateResults = gatePlan.extend({
  phases: z.array(phase),
  traffic: trafficAccount.optional().describe('absent when live traffic never started'),
  comparisons: z.array(comparison),
  mesh: z
    .array(z.string())
    .readonly()
    .describe('control planes and sidecars after the last operation, or the first that failed; a line each'),
});
export type GateResults = z.infer<typeof gateResults>;
