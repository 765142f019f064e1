import { z } from 'zod';
import { roles } from '../images/roles.ts';
import type { CauseCode } from '../causes/causes.ts';
import { gateResults } from './gate.ts';
import { givenResults } from './given.ts';
import { stepResult, type StepResult } from './step.ts';

/**
 * What a run leaves behind as `results.json`. The JSON Schema in docs/results.schema.json is generated from here.
 * Times are ISO 8601 in UTC, durations milliseconds, sizes bytes.
 */

const stability = z.object({
  id: z.string(),
  runs: z.number().describe('passes that the step left a result in, skipped ones included'),
  passed: z.number(),
  passRate: z.number().describe('passed / runs, 0 to 1'),
  minMs: z.number().optional().describe('of the runs that passed, as the next two; absent when none did'),
  medianMs: z.number().optional(),
  maxMs: z.number().optional(),
});

export const verdicts = [
  'conformant',
  'not conformant',
  'unstable',
  'environment',
  'usage',
  'interrupted',
] as const;

export const results = z.object({
  schemaVersion: z.literal(1),
  runId: z.string(),
  scope: z.enum(['whole', 'partial']).describe('partial: only chosen steps ran (--step, --grep)'),
  verdict: z.enum(verdicts),
  exitCode: z.number(),
  cause: z
    .string()
    .optional()
    .describe('code of the cause that decided a verdict other than conformant; absent for a usage error'),
  reason: z.string().describe('why the verdict is not conformant, empty when it is'),
  evidence: z
    .string()
    .optional()
    .describe('folder of the evidence of a set-up that failed, in the report folder'),
  startedAt: z.string(),
  endedAt: z.string(),
  durationMs: z.number(),
  configuration: z.record(z.string(), z.unknown()),
  origins: z
    .record(z.string(), z.string())
    .optional()
    .describe('where each setting comes from: a flag, a variable, a configuration file, or default'),
  target: z
    .object({ kind: z.enum(['live', 'given', 'hermetic']), because: z.string(), url: z.string() })
    .optional()
    .describe('absent when the run ended before it was chosen'),
  proxy: z
    .object({
      address: z.string().describe('as given by the user'),
      credentials: z.boolean().describe('whether it has a name and password; the report never contains them'),
      statement: z
        .string()
        .describe(
          'where its access log was read; "not available" without --proxy-log, and then nothing is judged by it',
        ),
    })
    .optional()
    .describe('only in a run through a given proxy (--proxy)'),
  notes: z
    .array(z.string())
    .optional()
    .describe('what a reader should know of the versions: why these, that support of one has ended'),
  given: givenResults.optional().describe('the configuration of the mesh that the user gave, by name'),
  versions: z
    .record(z.string(), z.string())
    .describe('component → version as the running component reports it'),
  images: z.array(
    z.object({
      role: z.enum(roles),
      reference: z.string(),
      digest: z.string(),
      source: z.enum(['registry', 'source']),
      sizeBytes: z.number(),
    }),
  ),
  host: z.object({
    os: z.string(),
    architecture: z.string(),
    cpus: z.number(),
    memoryBytes: z.number(),
    engine: z.string(),
    node: z.string(),
  }),
  phases: z.array(z.object({ title: z.string(), startedAt: z.string(), durationMs: z.number() })),
  steps: z.array(stepResult),
  stability: z.array(stability).optional().describe('a figure a step; only with --repeat above 1'),
  gate: gateResults.optional().describe('only of a gate: the upgrade, its live traffic, what it changed'),
});

export interface Results extends Omit<z.infer<typeof results>, 'steps'> {
  readonly steps: readonly StepResult[];
}
export type Verdict = Results['verdict'];

/** What a run or a gate amounts to. */
export interface Outcome {
  readonly verdict: Verdict;
  /** One line a failed step; empty when all is well. */
  readonly reason: string;
  /** What decided a verdict other than conformant; a usage error has none. */
  readonly cause?: CauseCode;
}

export type Stability = z.infer<typeof stability>;

/** JSON Schema of results.json, for people who read it with other programs. */
export function resultsSchema(): unknown {
  return z.toJSONSchema(results, { io: 'input' });
}
