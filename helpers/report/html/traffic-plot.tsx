import type { TrafficAccount, TrafficTimeline } from '../../traffic/account.ts';
import { duration } from './format.ts';
import type { Results } from '../../results/results.ts';

type Series = TrafficTimeline['series'][number];

interface PlotProps {
  readonly traffic: TrafficAccount;
  readonly timeline: TrafficTimeline;
  readonly bands: readonly Band[];
  readonly moments: readonly Moment[];
  /** In the plot's own units, of which a letter is 11 high. */
  readonly width: number;
  readonly class: string;
}

const margin = { left: 34, right: 10 };
const panelHeight = 96;
const stripHeight = 16;
const titleHeight = 22;
const rowHeight = 16;

/**
 * Live traffic over time: for each workload the trips completed in a second, what was refused or cut, and the tunnels
 * that were open; above it the gate's phases by letter and the upgrade's operations by number.
 */
export function TrafficPlot({ traffic, timeline, bands, moments, width, class: name }: PlotProps) {
  const inner = width - margin.left - margin.right;
  const whole = lengthMs(traffic);
  const x = (ms: number): number => margin.left + (Math.min(whole, Math.max(0, ms)) / whole) * inner;
  const most = Math.max(
    1,
    ...timeline.series.flatMap(({ completed, refused, cut }) => [...completed, ...refused, ...cut]),
  );
  const placed = inRows(moments, x);
  const top = rowHeight * (1 + Math.max(1, ...placed.map(({ row }) => row + 1))) + 6;
  const panel = titleHeight + panelHeight + stripHeight + 14;
  const bottom = top + panel * timeline.series.length;
  const height = bottom + 24;
  return (
    <svg class={`plot ${name}`} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={inWords(traffic)}>
      {bands.map(({ letter, fromMs, untilMs }, index) => (
        <g key={letter}>
          <rect
            class={index % 2 === 0 ? 'band' : 'band odd'}
            x={x(fromMs)}
            y={0}
            width={Math.max(0, x(untilMs) - x(fromMs))}
            height={bottom}
          />
          {x(untilMs) - x(fromMs) < 11 ? null : (
            <text class="letter" x={(x(fromMs) + x(untilMs)) / 2} y={13} text-anchor="middle">
              {letter}
            </text>
          )}
        </g>
      ))}
      {placed.map(({ moment, row }) => (
        <g key={moment.number} class={`moment ${moment.status}`}>
          <path d={`M${x(moment.fromMs)} ${rowHeight * (row + 1) + 8}V${bottom}`} />
          <circle cx={x(moment.fromMs)} cy={rowHeight * (row + 1) + 6} r="8" />
          <text x={x(moment.fromMs)} y={rowHeight * (row + 1) + 10} text-anchor="middle">
            {moment.number}
          </text>
        </g>
      ))}
      {timeline.series.map((series, index) => (
        <Panel
          key={series.workload}
          {...{ series, traffic, x, most, width }}
          stepMs={timeline.stepMs}
          y={top + index * panel}
        />
      ))}
      {ticks(whole, inner).map((ms) => (
        <g key={ms} class="tick">
          <path d={`M${x(ms)} ${bottom}v5`} />
          <text x={x(ms)} y={bottom + 18} text-anchor={ms === 0 ? 'start' : 'middle'}>
            {duration(ms)}
          </text>
        </g>
      ))}
    </svg>
  );
}

interface PanelProps {
  readonly series: Series;
  readonly traffic: TrafficAccount;
  readonly stepMs: number;
  readonly x: (ms: number) => number;
  readonly most: number;
  readonly width: number;
  /** Of its upper edge. */
  readonly y: number;
}

function Panel({ series, traffic, stepMs, x, most, width, y }: PanelProps) {
  const floor = y + titleHeight + panelHeight;
  const height = (count: number): number => (count / most) * panelHeight;
  const strip = floor + stripHeight + 4;
  const mostTunnels = Math.max(1, ...series.tunnels);
  const gap = traffic.gaps.find(({ workload }) => workload === series.workload);
  const begin = Date.parse(traffic.startedAt);
  return (
    <g>
      <text class="panel-title" x={margin.left + 4} y={y + 15}>
        {series.workload}: trips completed a second
      </text>
      <text class="scale" x={margin.left - 5} y={floor - panelHeight + 4} text-anchor="end">
        {most}
      </text>
      <text class="scale" x={margin.left - 5} y={floor + 3} text-anchor="end">
        0
      </text>
      <path class="grid" d={`M${margin.left} ${floor - panelHeight}H${width - margin.right}`} />
      <path
        class="completed"
        d={stepped(series.completed, stepMs, x, (count) => floor - height(count), floor)}
      />
      <path class="grid" d={`M${margin.left} ${floor}H${width - margin.right}`} />
      {gap === undefined ? null : (
        <g class="gap">
          <rect
            x={x(Date.parse(gap.from) - begin)}
            y={floor - 5}
            width={Math.max(2, x(Date.parse(gap.until) - begin) - x(Date.parse(gap.from) - begin))}
            height={5}
          />
          <GapText {...{ gap, x, begin, width }} y={floor - 9} />
        </g>
      )}
      {series.completed.map((_, index) => {
        const count = (series.refused[index] ?? 0) + (series.cut[index] ?? 0);
        if (count === 0) return null;
        const left = x(index * stepMs);
        const right = x((index + 1) * stepMs);
        return (
          <g key={index} class="broken">
            <rect
              x={left}
              y={floor - height(count)}
              width={Math.max(2, right - left)}
              height={height(count)}
            />
            <text x={(left + right) / 2} y={floor - height(count) - 3} text-anchor="middle">
              ✗
            </text>
          </g>
        );
      })}
      <path
        class="tunnels"
        d={stepped(
          series.tunnels,
          stepMs,
          x,
          (count) => strip - (count / mostTunnels) * (stripHeight - 2),
          strip,
        )}
      />
      <text class="scale" x={margin.left - 5} y={strip} text-anchor="end">
        ⇄ {mostTunnels}
      </text>
    </g>
  );
}

interface GapTextProps {
  readonly gap: TrafficAccount['gaps'][number];
  readonly x: (ms: number) => number;
  readonly begin: number;
  readonly width: number;
  readonly y: number;
}

/** On the side of the gap where there is room. */
function GapText({ gap, x, begin, width, y }: GapTextProps) {
  const at = x(Date.parse(gap.from) - begin);
  const late = at > width - 150;
  return (
    <text x={late ? at - 4 : at + 4} y={y} text-anchor={late ? 'end' : 'start'}>
      longest gap {duration(gap.ms)}
    </text>
  );
}

/** The outline of counts as steps, closed at the floor. */
function stepped(
  counts: readonly number[],
  stepMs: number,
  x: (ms: number) => number,
  y: (count: number) => number,
  floor: number,
): string {
  const points = counts.map(
    (count, index) => `V${y(count).toFixed(1)}H${x((index + 1) * stepMs).toFixed(1)}`,
  );
  return `M${x(0).toFixed(1)} ${floor}${points.join('')}V${floor}Z`;
}

/** Numbers one below the other where they would cover each other. */
function inRows(moments: readonly Moment[], x: (ms: number) => number): { moment: Moment; row: number }[] {
  const ends: number[] = [];
  return moments.map((moment) => {
    const at = x(moment.fromMs);
    const free = ends.findIndex((end) => end <= at - 9);
    const row = free === -1 ? ends.length : free;
    ends[row] = at + 9;
    return { moment, row };
  });
}

/** Round times that leave room for their labels. */
function ticks(whole: number, inner: number): number[] {
  const wanted = inner / 70;
  const step =
    [5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600].find((seconds) => whole / 1000 / seconds <= wanted) ??
    7200;
  return Array.from({ length: Math.floor(whole / 1000 / step) + 1 }, (_, index) => index * step * 1000);
}

/** The plot for who does not see it; the table below has the figures. */
export function inWords({ clients, gaps, startedAt, endedAt }: TrafficAccount): string {
  const took = duration(Date.parse(endedAt) - Date.parse(startedAt));
  const told = (['kept', 'restarted'] as const).map((workload) => {
    const mine = clients.filter((client) => client.workload === workload);
    const sum = (column: 'opened' | 'completed' | 'refused' | 'cut'): number =>
      mine.reduce((total, client) => total + client[column], 0);
    const gap = gaps.find((one) => one.workload === workload);
    const longest = gap === undefined ? '' : `, longest gap ${duration(gap.ms)} in ${gap.phase}`;
    return `${workload}: ${sum('opened')} trips opened, ${sum('completed')} completed, ${sum('refused')} refused, ${sum('cut')} cut${longest}`;
  });
  return `Live traffic over ${took}. ${told.join('. ')}.`;
}

/** Something an upgrade did while the traffic flowed. */
export interface Moment {
  /** As it is marked in the plot, from 1. */
  readonly number: number;
  readonly id: string;
  readonly title: string;
  readonly status: Results['steps'][number]['status'];
  /** ms after the traffic's beginning. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A phase of the gate as the traffic met it. */
interface Band {
  /** As it is marked in the plot: A, B, … */
  readonly letter: string;
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The upgrade's operations during the traffic, in the order of time and by the traffic's clock, the node's. */
export function momentsOf(run: Results, traffic: TrafficAccount): Moment[] {
  const begin = Date.parse(traffic.startedAt) - (traffic.clockOffsetMs ?? 0);
  const length = lengthMs(traffic);
  return run.steps
    .filter(({ section, id, status }) => section === 'upgrade' && changes.test(id) && status !== 'skipped')
    .flatMap(({ id, title, status, startedAt, durationMs }) => {
      if (startedAt === undefined) return [];
      const fromMs = Date.parse(startedAt) - begin;
      return fromMs < 0 || fromMs > length
        ? []
        : [{ id, title, status, fromMs, untilMs: fromMs + durationMs }];
    })
    .sort((a, b) => a.fromMs - b.fromMs)
    .map((moment, index) => ({ number: index + 1, ...moment }));
}

/** Operations that change the mesh; the others write down or judge. */
const changes = /^(?:UPGRADE|RESTART|ROLLBACK)-/;

/** The phases that the traffic lived through. */
export function bandsOf(traffic: TrafficAccount): Band[] {
  const begin = Date.parse(traffic.startedAt);
  const starts = traffic.phases.map(({ startedAt }) => Math.max(0, Date.parse(startedAt) - begin));
  return traffic.phases.map(({ name }, index) => ({
    letter: String.fromCodePoint(0x41 + (index % 26)),
    name,
    fromMs: starts[index] ?? 0,
    untilMs: starts[index + 1] ?? lengthMs(traffic),
  }));
}

export function lengthMs({ startedAt, endedAt }: TrafficAccount): number {
  return Math.max(1, Date.parse(endedAt) - Date.parse(startedAt));
}
