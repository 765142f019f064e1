import { z } from 'zod';
import type { Finding } from '../trip/finding.ts';
import type { Trip } from '../trip/statements.ts';

/** The part of results.json that a step has, in a run and in a gate. */

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
  counters: z
    .string()
    .optional()
    .describe("set where the sidecar's statement is made of its counters: why it leaves no log line to read"),
  unmatched: z
    .array(z.looseObject({ line: z.string() }))
    .describe('lines of the same logs that are not its own'),
});

const finding = z.looseObject({ cause: z.string(), seen: z.string(), expected: z.string() });

export const stepResult = z.object({
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

export interface StepResult extends Omit<z.infer<typeof stepResult>, 'trips' | 'findings'> {
  trips: Trip[];
  findings: readonly Finding[];
}

/**
 * The record of a step: made with the step's test, filled in while the step runs, and its part of results.json once it
 * is judged.
 */
export interface StepRecord extends Omit<StepResult, 'status'> {
  /** `pending` until the step is judged: a test that ends before has no result. */
  status: StepResult['status'] | 'pending';
}

export function isJudged(record: StepRecord): record is StepResult {
  return record.status !== 'pending';
}
