import type { StepResult } from '../helpers/results/step.ts';
import { tripsIn, type Load } from '../helpers/scale/load.ts';

/** One load, and what SCALE-1 told of it; figures are undefined where it did not come so far. */
export interface Figure extends Load {
  readonly trips: number;
  readonly status: string;
  /** The named limit that ended it. */
  readonly limit?: string;
  /** Load average of the machine before it: others may be at work there. */
  readonly busyBefore: number;
  readonly stepS: number;
  readonly podsReadyS?: number;
  readonly trafficS?: number;
  /** From the end of the last trip until all are judged: most of it waits for the last lines. */
  readonly judgementS?: number;
  /** Processor time of the suite's process: in the whole step, and for the judgement alone. */
  readonly suiteMs?: number;
  readonly judgementMs?: number;
  readonly suiteMsPerTrip?: number;
  readonly memoryMB?: number;
  readonly memoryBeforeMB?: number;
  /** Most that the node's container had in use. */
  readonly nodeMB?: number;
  readonly apiRequests?: number;
  readonly apiRequestsPerPod?: number;
}

const laps = ['pods ready', 'streams open', 'traffic', 'judgement'] as const;

/** Reads the facts of SCALE-1 among the steps of a run. */
export function figureOf(
  load: Load,
  steps: readonly StepResult[],
  busyBefore: number,
  nodeBytes: number | undefined,
): Figure {
  const step = steps.findLast(({ id }) => id === 'SCALE-1');
  const trips = tripsIn(load);
  const status = step?.status ?? 'missing';
  const head = {
    ...load,
    trips,
    status,
    busyBefore: round(busyBefore),
    stepS: round((step?.durationMs ?? 0) / 1000),
    ...(nodeBytes === undefined ? {} : { nodeMB: Math.round(nodeBytes / 1e6) }),
  };
  const facts = step?.facts ?? {};
  if (status !== 'passed') {
    const limit = step?.findings.find(({ cause }) => cause === 'SCALE_LIMIT')?.seen;
    return limit === undefined ? head : { ...head, limit };
  }
  const number = (fact: string, pattern = /([\d.]+)/): number => Number(pattern.exec(facts[fact] ?? '')?.[1]);
  const spent = (lap: string): number => number(lap, /, (\d+) ms of this process/);
  const suiteMs = laps.reduce((sum, lap) => sum + spent(lap), 0);
  const apiRequests = number('API requests');
  return {
    ...head,
    podsReadyS: number('pods ready'),
    trafficS: number('traffic'),
    judgementS: number('judgement'),
    suiteMs,
    judgementMs: spent('judgement'),
    suiteMsPerTrip: round(suiteMs / trips),
    memoryMB: number('memory'),
    memoryBeforeMB: number('memory', /, (\d+) MB before/),
    apiRequests,
    apiRequestsPerPod: round(apiRequests / load.clients),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
