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
