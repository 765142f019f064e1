import { z } from 'zod';

/**
 * The account of live traffic, as results.json has it. Times are ISO 8601 in UTC by the node's clock, durations ms.
 * A trip is one connection of a client through the proxy: a request's own, or a tunnel with all its exchanges.
 */

const kind = z.enum(['requests', 'tunnels']).describe('new requests, or tunnels that stay open');
const workload = z.enum(['kept', 'restarted']).describe('kept: its pod and sidecar are never restarted');

const counts = {
  opened: z.number().describe('trips begun; each is completed, refused or cut'),
  completed: z.number().describe('ended by the client itself, every exchange with the page'),
  refused: z.number().describe('another answer than the page, or no way to the proxy'),
  cut: z.number().describe('open, and broken by another party'),
  lost: z.number().describe('of these, trips that a witness who must have seen it is silent about'),
  astray: z
    .number()
    .describe("of these, trips that the sidecar took for another cluster's than the ServiceEntry's"),
};

const client = z.object({
  workload,
  kind,
  pods: z.number(),
  ...counts,
  exchanges: z.number(),
  refusedAtStart: z
    .number()
    .optional()
    .describe(
      'requests of an application that began before its sidecar was ready, and did not get through; no trips of these counts',
    ),
});

const event = z.object({
  what: z.enum(['refused', 'cut', 'lost', 'astray']),
  workload,
  kind: kind.optional().describe('absent where no client tells of the trip'),
  pod: z.string(),
  count: z.number().describe('trips in a row to which the same happened'),
  at: z.string().describe('when it happened to the first of them: the failing exchange began'),
  until: z.string().describe('and to the last of them'),
  phase: z.string(),
  restarted: z.boolean().describe('the pod had been told to end'),
  where: z.enum(['client', 'sidecar', 'proxy']).optional().describe('lost: who is silent'),
  why: z.string(),
  line: z.string().optional().describe("the first one's line in a log, where there is one"),
  accepted: z.string().optional().describe('the reason of the reviewed change that explains it'),
});

const gap = z.object({
  workload,
  ms: z.number().describe('longest time without a good request, over all of its pods'),
  from: z.string(),
  until: z.string(),
  phase: z.string().describe('that it began in'),
});

const phase = z.object({ name: z.string(), startedAt: z.string(), ...counts });

const series = z.object({
  workload,
  opened: z.array(z.number()),
  completed: z.array(z.number()),
  refused: z.array(z.number()),
  cut: z.array(z.number()),
  tunnels: z.array(z.number()).describe('tunnels that were open at some time in the interval'),
});

const timeline = z.object({
  stepMs: z.number().describe('length of an interval; the first begins at startedAt'),
  series: z.array(series).describe('trips in each interval by when they began, ended or failed; for a plot'),
});

export const trafficAccount = z.object({
  startedAt: z.string(),
  endedAt: z.string(),
  clients: z.array(client),
  phases: z.array(phase).describe('trips by the phase that they ended or failed in'),
  sums: z
    .object({
      client: z.number().describe('connections that the clients tell of'),
      sidecar: z.number().describe("lines of the sidecars' access logs"),
      proxy: z
        .number()
        .optional()
        .describe("lines of Squid's access log; absent where the proxy is yours, and tells nothing of them"),
      endedAtSidecar: z
        .number()
        .describe('of the lines of the sidecars, those without an upstream connection'),
    })
    .describe('sidecar = client, and proxy = sidecar - endedAtSidecar, where nothing is lost'),
  events: z.array(event).describe('in the order of time'),
  gaps: z.array(gap),
  timeline: timeline.optional(),
  clockOffsetMs: z.number().optional().describe("the node's clock minus that of the suite's machine"),
  unread: z.array(z.string()).describe('logs that could not be read whole, with the reason'),
});

export type TrafficAccount = z.infer<typeof trafficAccount>;
export type TrafficEvent = z.infer<typeof event>;
export type TrafficTimeline = z.infer<typeof timeline>;
export type Workload = z.infer<typeof workload>;

/** Who tells of how many connections, for people. */
export function connectionsLine({ client, sidecar, proxy, endedAtSidecar }: TrafficAccount['sums']): string {
  const ended = endedAtSidecar === 0 ? '' : ` (${endedAtSidecar} of them made no upstream connection)`;
  return `clients ${client}, sidecars ${sidecar}${ended}${proxy === undefined ? '' : `, Squid ${proxy}`}`;
}

/** What became of the trips, in the order of every table of clients. */
export const tripColumns = ['opened', 'completed', 'refused', 'cut', 'lost', 'astray'] as const;

/** The longest gap of a client's workload, which its requests tell; undefined where they do not. */
export function gapOf<Gap extends { readonly workload: Workload }>(
  { kind, workload }: Pick<TrafficAccount['clients'][number], 'kind' | 'workload'>,
  gaps: readonly Gap[],
): Gap | undefined {
  return kind === 'requests' ? gaps.find((one) => one.workload === workload) : undefined;
}
