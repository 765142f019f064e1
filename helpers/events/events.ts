import { z } from 'zod';
import { verdicts } from '../results/results.ts';
import { redacted } from '../redact/redact.ts';

/**
 * What `--json` prints, an object a line. docs/events.schema.json is generated from here. Times are ISO 8601 in UTC,
 * durations milliseconds, paths absolute.
 */

const common = {
  time: z.iso.datetime(),
  runId: z.string().optional().describe('absent before there is a run'),
};
const cause = z.string().optional().describe('code of docs/causes.md');
const step = {
  id: z.string().describe('stable, e.g. MESH-3'),
  title: z.string(),
  pass: z.number().describe('which pass over the steps, or which phase of a gate by number'),
  phase: z.string().optional().describe('which phase of a gate; absent in a run'),
};

function event<Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.object({ type: z.literal(type), ...fields, ...common });
}

const kinds = [
  event('run-started', {
    command: z.enum(['run', 'gate']),
    report: z.string().describe("the run's report folder"),
    configuration: z.record(z.string(), z.unknown()),
    origins: z.record(z.string(), z.string()).describe('where each setting comes from'),
    steps: z.array(z.string()).optional().describe('ids of the steps of a pass, in order; absent for a gate'),
  }),
  event('note', { text: z.string().describe('e.g. which images were chosen') }),
  event('phase-started', { title: z.string() }),
  event('phase-ended', {
    title: z.string(),
    status: z.enum(['passed', 'failed']).describe('of a pass or a phase of a gate: whether its steps ran'),
    durationMs: z.number(),
  }),
  event('step-started', step),
  event('step-ended', {
    ...step,
    section: z.string(),
    status: z.enum(['passed', 'failed', 'skipped']),
    durationMs: z.number(),
    cause,
    reason: z.string().describe('why it failed or was skipped, empty when it passed'),
    facts: z.record(z.string(), z.string()),
  }),
  event('evidence', {
    step: z.string().optional().describe('absent where the set-up failed'),
    folder: z.string(),
  }),
  event('paused', {
    step: z.string(),
    cause,
    kubeconfig: z.string().describe('file that reaches the cluster while the run is paused'),
  }),
  event('resumed', { step: z.string() }),
  event('verdict', {
    verdict: z.enum(verdicts),
    exitCode: z.number(),
    cause,
    reason: z.string(),
    passed: z.number(),
    failed: z.number(),
    skipped: z.number(),
    durationMs: z.number(),
    report: z.string().describe("the run's report folder"),
    results: z.string().describe('results.json in it'),
  }),
  event('error', { message: z.string(), hint: z.string(), exitCode: z.number() }),
  event('step', { id: step.id, section: z.string(), title: z.string(), needs: z.array(z.string()) }),
] as const;

export const eventSchema = z.discriminatedUnion('type', kinds);

export type RunEvent = z.infer<typeof eventSchema>;
type WithoutCommon<E> = E extends RunEvent ? Omit<E, keyof typeof common> : never;
export type Happening = WithoutCommon<RunEvent>;

/** JSON Schema of a line, for people who read them with other programs. */
export function eventsSchema(): unknown {
  return z.toJSONSchema(eventSchema, { io: 'input' });
}

/** Emits events with --json, and does nothing without it. */
export interface Events {
  /** From now on events carry the run's id. */
  run: string | undefined;
  readonly emit: (happening: Happening) => void;
}

let write: ((text: string) => void) | undefined;

/**
 * Keeps stdout for events: all other output, also of libraries, goes to stderr. A program that reads stdout must find only
 * lines of JSON.
 */
export function keepStdoutForEvents(): void {
  const { stdout, stderr } = process;
  const own = stdout.write.bind(stdout);
  write ??= (text) => {
    own(text);
  };
  stdout.write = stderr.write.bind(stderr);
}

export const events: Events = {
  run: undefined,
  emit: (happening) => {
    if (write === undefined) return;
    const { run } = events;
    const event = {
      ...happening,
      time: new Date().toISOString(),
      ...(run === undefined ? {} : { runId: run }),
    };
    write(`${JSON.stringify(redacted(event))}\n`);
  },
};
