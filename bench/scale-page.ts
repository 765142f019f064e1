import type { AttributionCost } from './scale-attribution.ts';
import type { Figure } from './scale-figures.ts';

/** What bench/scale.json holds. */
export interface ScaleResults {
  readonly at: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly images: string;
  readonly figures: readonly Figure[];
  /** What the attribution of made-up statements takes. */
  readonly attribution: readonly AttributionCost[];
}

export function tableOf({ at, machine, images, figures, attribution }: ScaleResults): string {
  const measured = `Measured ${at.slice(0, 10)} on one cluster: ${machine['cpus'] ?? '?'} cpus, ${machine['memory (GB)'] ?? '?'} GB, images ${images}.`;
  const rows = figures.map((figure) => {
    const { clients, tunnels, waves, trips, limit } = figure;
    const more =
      figure.memoryMB === undefined
        ? undefined
        : figure.memoryMB - (figure.memoryBeforeMB ?? figure.memoryMB);
    const cells = [
      `${clients} × ${tunnels} × ${waves}`,
      trips.toLocaleString('en'),
      String(clients * tunnels),
      ...(figure.podsReadyS === undefined
        ? [limit === undefined ? figure.status : 'SCALE_LIMIT', '', '', '', '', '']
        : [
            `${figure.podsReadyS} s`,
            `${figure.trafficS ?? '?'} s`,
            `${figure.judgementS ?? '?'} s`,
            `${figure.suiteMs ?? '?'} ms`,
            `${figure.suiteMsPerTrip ?? '?'} ms`,
            `${more ?? '?'} MB`,
          ]),
      figure.nodeMB === undefined ? '' : `${figure.nodeMB} MB`,
      figure.apiRequests === undefined ? '' : String(figure.apiRequests),
      String(figure.busyBefore),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const header = [
    ...['pods × tunnels × waves', 'trips', 'at once', 'pods ready', 'traffic', 'judgement'],
    ...["suite's processor", 'a trip', 'memory more', "node's memory", 'API requests', 'load average before'],
  ];
  const costs = attribution.map(
    ({ load: { clients, tunnels, waves }, trips, ms, microsecondsPerTrip }) =>
      `| ${trips.toLocaleString('en')} (${clients} × ${tunnels} × ${waves}) | ${ms} ms | ${microsecondsPerTrip} µs |`,
  );
  return [
    measured,
    [`| ${header.join(' | ')} |`, `| ${header.map(() => '---').join(' | ')} |`, ...rows].join('\n'),
    '![the curves](scale.svg)',
    "The attribution alone, of made-up statements, in the suite's own processor time:",
    ['| trips | processor time | a trip |', '| --- | --- | --- |', ...costs].join('\n'),
  ].join('\n\n');
}

interface Panel {
  readonly title: string;
  readonly value: (figure: Figure) => number | undefined;
}

const panels: readonly Panel[] = [
  { title: "The suite's processor time, ms a trip", value: ({ suiteMsPerTrip }) => suiteMsPerTrip },
  { title: 'Time of the step, s', value: ({ stepS }) => stepS },
  {
    title: 'Memory that the suite took besides, MB',
    value: ({ memoryMB, memoryBeforeMB }) =>
      memoryMB === undefined || memoryBeforeMB === undefined ? undefined : memoryMB - memoryBeforeMB,
  },
  { title: 'API requests of the suite', value: ({ apiRequests }) => apiRequests },
  { title: 'Memory of the node, MB', value: ({ nodeMB }) => nodeMB },
  { title: 'Until the pods are ready, s', value: ({ podsReadyS }) => podsReadyS },
];
const width = 380;
const height = 200;
const margin = { left: 56, right: 16, top: 34, bottom: 34 };

/** The curves over the number of trips, as SVG; trips on a logarithmic axis, the rest from zero. */
export function plotOf(all: readonly Figure[]): string {
  const figures = all.filter(({ status }) => status === 'passed').sort((a, b) => a.trips - b.trips);
  const drawn = panels.map((panel, index) => {
    const x = (index % 2) * width;
    const y = Math.floor(index / 2) * height;
    return `<g transform="translate(${x} ${y})">${panelOf(panel, figures)}</g>`;
  });
  const rows = Math.ceil(panels.length / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width * 2} ${height * rows}" font-family="sans-serif" font-size="11">`,
    '<title>SCALE-1 against the number of trips</title>',
    `<rect width="${width * 2}" height="${height * rows}" fill="#fff"/>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function panelOf({ title, value }: Panel, figures: readonly Figure[]): string {
  const points = figures.flatMap((figure) => {
    const y = value(figure);
    return y === undefined ? [] : [{ trips: figure.trips, y }];
  });
  const most = Math.max(1, ...points.map(({ y }) => y));
  const logs = points.map(({ trips }) => Math.log10(trips));
  const [from, to] = [Math.min(0, ...logs), Math.max(1, ...logs)];
  const px = (trips: number): number =>
    margin.left + ((Math.log10(trips) - from) / (to - from)) * (width - margin.left - margin.right);
  const py = (y: number): number =>
    height - margin.bottom - (y / most) * (height - margin.top - margin.bottom);
  const line = points.map(({ trips, y }) => `${px(trips).toFixed(1)},${py(y).toFixed(1)}`).join(' ');
  const floor = height - margin.bottom;
  return [
    `<text x="${margin.left}" y="20" font-weight="bold">${title}</text>`,
    `<path d="M${margin.left} ${margin.top}V${floor}H${width - margin.right}" fill="none" stroke="#888"/>`,
    ...[0, most / 2, most].map(
      (y) =>
        `<text x="${margin.left - 6}" y="${(py(y) + 4).toFixed(1)}" text-anchor="end">${label(y)}</text>`,
    ),
    ...[1, 10, 100, 1000]
      .filter((trips) => Math.log10(trips) <= to)
      .map(
        (trips) =>
          `<text x="${px(trips).toFixed(1)}" y="${floor + 16}" text-anchor="middle">${trips} trips</text>`,
      ),
    `<polyline points="${line}" fill="none" stroke="#1f5fbf" stroke-width="2"/>`,
    ...points.map(
      ({ trips, y }) =>
        `<circle cx="${px(trips).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3.5" fill="#1f5fbf"/>`,
    ),
  ].join('');
}

function label(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}
