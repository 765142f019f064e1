import { z } from 'zod';
import { gateResults } from '../gate/result.ts';
import { roles } from '../images/roles.ts';
import type { Finding } from '../trip/finding.ts';
import type { Trip } from '../trip/statements.ts';

/**
 * What a run leaves behind as `results.json`. The JSON Schema in docs/results.schema.json is generated from here.
 * Times are ISO 8601 in UTC, durations milliseconds, sizes bytes.
 */

const endpoint = z.object({ ip: z.string(), port: z.number() });
const optionalEndpoint = endpoint.optional();

const clientStatement = z.object({
  witness: z.literal('client'),
  pod: z.string(),
  podIp: z.string(),
  command: z.string(),
  exitCode: z.number(),
  errorMessage: z.string(),
  local: optionalEndpoint,
  remote: optionalEndpoint,
  httpStatus: z.number(),
  connectStatus: z.number(),
  bytesDownloaded: z.number(),
  title: z.string().optional(),
  startedAt: z.number(),
  endedAt: z.number(),
  timeTotalMs: z.number(),
});

// The witnesses' statements are kept whole; their fields are described in helpers/trip/statements.ts.
const statement = z.looseObject({ witness: z.string(), line: z.string() });

const trip = z.looseObject({
  id: z.string(),
  url: z.string(),
  via: optionalEndpoint,
  client: clientStatement.loose(),
  sidecar: z.array(statement).optional().describe('undefined: that log was not followed'),
  proxy: z.array(statement).optional(),
  origin: z.array(statement).optional(),
  unmatched: z
    .array(z.looseObject({ line: z.string() }))
    .describe('lines of the same logs that are not its own'),
});

const finding = z.looseObject({ cause: z.string(), seen: z.string(), expected: z.string() });

const stepResult = z.object({
  id: z.string().describe('stable, e.g. MESH-3'),
  pass: z.number().describe('which pass over the steps it belongs to; 1 without --repeat'),
  phase: z.string().optional().describe('which phase of a gate it belongs to; absent in a run'),
  title: z.string(),
  section: z.string().describe("the document's section"),
  command: z.string().describe("the document's command, empty where it has none"),
  status: z.enum(['passed', 'failed', 'skipped']),
  reason: z.string().describe('why it failed or was skipped, empty when it passed'),
  startedAt: z.string().optional().describe('by the clock of the machine that the suite runs on'),
  durationMs: z.number().describe('of the step itself, without the collecting of evidence'),
  findings: z.array(finding).describe('named causes of a failure, the most specific first'),
  facts: z.record(z.string(), z.string()).describe('what the step established, e.g. PROXY_IP'),
  trips: z
    .array(trip)
    .describe(
      'of a step that passed in several passes only those of the first of them; of a failed one always',
    ),
  evidence: z
    .string()
    .describe("folder of a failure's evidence in the report folder, empty when there is none"),
});

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
      address: z.string().describe('as the user told it'),
      credentials: z.boolean().describe('whether it was given a name and password; they are nowhere'),
      statement: z
        .string()
        .describe(
          'where its access log was read; "not available" where nobody said, and nothing was judged by it',
        ),
    })
    .optional()
    .describe('only of a run by way of a proxy of the user’s (--proxy)'),
  versions: z.record(z.string(), z.string()).describe('component → version as the running component told it'),
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

export interface StepResult extends Omit<z.infer<typeof stepResult>, 'trips' | 'findings'> {
  readonly trips: readonly Trip[];
  readonly findings: readonly Finding[];
}
export interface Results extends Omit<z.infer<typeof results>, 'steps'> {
  readonly steps: readonly StepResult[];
}
export type Verdict = Results['verdict'];
export type Stability = z.infer<typeof stability>;

/** JSON Schema of results.json, for people who read it with other programs. */
export function resultsSchema(): unknown {
  return z.toJSONSchema(results, { io: 'input' });
}
