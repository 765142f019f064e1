import type { Results } from '../../results/results.ts';
import type { StepResult } from '../../results/step.ts';
import { duration, sectionTitle } from './format.ts';
import { consecutive } from './steps.tsx';

/** More rows than that are passes of a long run, which the figures of the steps tell better. */
const mostRows = 60;

/** What the run's time went to, from its beginning to its end. */
export function TimeLine({ run }: { readonly run: Results }) {
  const rows = timeLineOf(run);
  const percent = (part: number): string => `${(part * 100).toFixed(2)}%`;
  return (
    <>
      <ol class="time-line">
        {rows.slice(0, mostRows).map(({ title, startedMs, durationMs, bars }, row) => (
          <li key={row}>
            <span class="title">{title}</span>
            <span class="took">
              {duration(durationMs)}
              <span class="unseen">, from {duration(Math.max(0, startedMs))} after the beginning</span>
            </span>
            <span class="track" aria-hidden="true">
              {bars.map(({ from, length, status, what }, index) => (
                <span
                  key={index}
                  class={`bar ${status}`}
                  title={what}
                  style={`left:${percent(from)};width:${percent(length)}`}
                />
              ))}
            </span>
          </li>
        ))}
      </ol>
      <p class="axis" aria-hidden="true">
        <span>0</span>
        <span>{duration(run.durationMs / 2)}</span>
        <span>{duration(run.durationMs)}</span>
      </p>
      {rows.length <= mostRows ? null : <p>{rows.length - mostRows} further passes are not drawn.</p>}
    </>
  );
}

/** Something that took time, as parts of the whole run from 0 to 1. */
interface Bar {
  readonly from: number;
  readonly length: number;
  readonly status: StepResult['status'] | 'set-up';
  readonly what: string;
}

interface Row {
  readonly title: string;
  /** ms after the run's beginning. */
  readonly startedMs: number;
  readonly durationMs: number;
  readonly bars: readonly Bar[];
}

/** The run's phases and, between them, its steps by section, phase or pass, in the order of time. */
function timeLineOf(run: Results): Row[] {
  const begin = Date.parse(run.startedAt);
  const bar = (startedAt: string, durationMs: number, status: Bar['status'], what: string): Bar => {
    const from = part(Date.parse(startedAt) - begin, run.durationMs);
    return { from, length: Math.min(part(durationMs, run.durationMs), 1 - from), status, what };
  };
  const phases = run.phases.map(({ title, startedAt, durationMs }) => ({
    title,
    startedMs: Date.parse(startedAt) - begin,
    durationMs,
    bars: [bar(startedAt, durationMs, 'set-up', title)],
  }));
  const groups = consecutive(run.steps, (step) => groupOf(run, step)).flatMap(([title, steps]): Row[] => {
    // Results of an earlier edition do not tell when a step began.
    const timed = steps.flatMap((step) =>
      step.startedAt === undefined ? [] : [{ ...step, at: step.startedAt }],
    );
    const [first] = timed;
    const last = timed.at(-1);
    if (first === undefined || last === undefined) return [];
    const startedMs = Date.parse(first.at) - begin;
    return [
      {
        title,
        startedMs,
        durationMs: Date.parse(last.at) - begin + last.durationMs - startedMs,
        bars: timed.map(({ at, durationMs, status, id }) => bar(at, durationMs, status, id)),
      },
    ];
  });
  return [...phases, ...groups].sort((a, b) => a.startedMs - b.startedMs);
}

function groupOf({ gate, stability }: Results, { phase, pass, section }: StepResult): string {
  if (gate !== undefined) return gate.phases.find(({ id }) => id === phase)?.title ?? phase ?? '';
  return stability === undefined ? sectionTitle(section) : `Pass ${pass}`;
}

function part(ms: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, ms / whole));
}
