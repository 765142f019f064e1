import { z } from 'zod';
import { trafficAccount } from '../traffic/account.ts';
import { stepResult } from './step.ts';

/** A version, or the way of an upgrade, that a gate on a user's mesh has not found yet. */
export const notFound = 'unknown';

/** The upgrade of a user's own mesh, by the user. */
const theirUpgrade = z.object({
  command: z.string().optional().describe('does it; without one the user does, or a pipeline'),
  rollbackCommand: z.string().optional().describe('takes it back'),
  restartCommand: z.string().optional().describe("restarts the user's own workloads"),
  waitFor: z.string().optional().describe('the upgrade is done when istiod of this version serves'),
});
export type TheirUpgrade = z.infer<typeof theirUpgrade>;

/** What a gate is asked to do; plain data. */
export const gatePlan = z.object({
  from: z.string(),
  to: z.string(),
  strategy: z
    .enum(['canary', 'in-place', notFound])
    .describe("in a user's mesh found by what the upgrade did"),
  rollback: z.boolean().describe('after the first namespace, back to `from`'),
  strict: z.boolean().describe('unreviewed differences are red'),
  expectedChanges: z
    .string()
    .optional()
    .describe('path of a file of reviewed changes besides the suite’s own'),
  istioConfigTo: z.string().optional().describe('path of the configuration of Istio for the new version'),
  trafficRate: z.number().optional().describe('requests a second of each client of the live traffic'),
  theirs: theirUpgrade.optional().describe('absent where the suite upgrades a mesh of its own by istioctl'),
});
export type GatePlan = z.infer<typeof gatePlan>;

/** Something that is not the same in two phases. */
export const difference = z.object({
  kind: z.enum(['step', 'limit', 'log', 'config', 'version', 'image', 'duration']),
  id: z
    .string()
    .describe(
      'what differs, in words that stay the same from run to run: `log: +%X% at 20`, `config: listener /…`',
    ),
  before: z.string(),
  after: z.string(),
  status: z
    .enum(['expected', 'new'])
    .describe(
      'expected: the upgrade is meant to change it, it is only listed, or fixtures/expected-changes.yaml has it',
    ),
  reason: z.string().optional().describe('why it is expected, or why a step went as it did'),
  severity: z.enum(['regression', 'warning', 'info']),
});
export type Difference = Readonly<z.infer<typeof difference>>;

const observedStep = stepResult.pick({ id: true, title: true, status: true, durationMs: true, reason: true });
/** How one step of the document went in a phase. */
export type ObservedStep = Readonly<z.infer<typeof observedStep>>;

const observedLimit = z.object({
  what: z.string().describe('`connection limit`, `idle timeout`, `start order`, …'),
  told: z.string().describe('the limit, and the object that made it where that is known'),
  limit: z.number().optional().describe('ms of a time, or a number of connections'),
});
/** Something that a longer, a further or an earlier connection to the proxy can meet. */
export type ObservedLimit = Readonly<z.infer<typeof observedLimit>>;

const observedConfig = z.object({
  proxy: z
    .object({ ip: z.string(), port: z.number() })
    .describe('the external proxy in this phase; it may be another in each, which is no difference'),
  listener: z.unknown().describe("that carries the proxy's address; null when there is none"),
  cluster: z.unknown().describe('that the ServiceEntry makes; null when there is none'),
  routes: z.unknown().describe('that mention the proxy; a TCP entry has none'),
  outbound: z
    .unknown()
    .describe('chains of virtualOutbound and their clusters: what becomes of unknown traffic'),
});

/** What one phase's mesh looked like: plain JSON data (it crosses a worker boundary). */
export const observation = z.object({
  phase: z.string().describe("the phase's title, e.g. `Document on 1.28.3`"),
  versions: z
    .record(z.string(), z.string())
    .describe('istiod, istio-proxy, envoy: as the running component reports it'),
  images: z.record(z.string(), z.string()).describe('pilot and proxyv2, as the running pods have them'),
  accessLog: z.object({
    format: z
      .string()
      .describe("Envoy's own, of the listener; where it is JSON the JSON, empty without an access log"),
    line: z.string().describe('of a request'),
  }),
  config: observedConfig,
  limits: z.array(observedLimit).readonly().describe('of connections to the proxy, by the sidecar'),
  steps: z.array(observedStep),
});
export type Observation = Readonly<z.infer<typeof observation>>;

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

const listenerChange = z.object({
  at: z.string().describe("when Envoy took it, by the node's clock"),
  drainedAt: z.string().describe('when Envoy closes the connections that the old listener still has'),
  listener: z.string(),
  what: z.enum(['replaced', 'removed', 'added', 'removed and added']),
  differences: z
    .array(
      z.object({
        id: z.string().describe('as fixtures/expected-changes.yaml names it: `drain: listener /…`'),
        before: z.string(),
        after: z.string(),
        accepted: z.string().optional().describe('the reason of the entry that accepts it'),
      }),
    )
    .describe('what is not the same in the old and the new listener'),
});

/** How the sidecar whose pod is never restarted held on to the listener of the live traffic's tunnels. */
const drain = z.object({
  pod: z.string(),
  drainMs: z.number().describe("the sidecar's drain time, as its Envoy tells it"),
  changes: z.array(listenerChange).describe('of the listener that carries the tunnels, in the order of time'),
  waitedMs: z.number().describe('how long the tunnels were kept open for the drain time alone'),
});
export type Drain = z.infer<typeof drain>;
export type ListenerChange = z.infer<typeof listenerChange>;

/** The part of results.json that only a gate has. */
export const gateResults = gatePlan.extend({
  phases: z.array(phase),
  traffic: trafficAccount.optional().describe('absent when live traffic never started'),
  drain: drain.optional().describe('absent when live traffic did not come to its end'),
  comparisons: z.array(comparison),
  mesh: z
    .array(z.string())
    .readonly()
    .describe('control planes and sidecars after the last operation, or the first that failed; a line each'),
});
export type GateResults = z.infer<typeof gateResults>;

/** What a gate knows beside its steps' own results; the upgrade as it was found, in a user's mesh. */
export type GateKnown = Pick<GateResults, 'traffic' | 'drain' | 'comparisons' | 'mesh'> &
  Partial<Pick<GateResults, 'from' | 'to' | 'strategy'>>;
