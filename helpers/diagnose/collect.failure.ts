import type { ImageSet } from '../images/roles.ts';
import type { Finding } from '../trip/finding.ts';
import { renderTrip } from '../trip/render.ts';
import type { Trip } from '../trip/statements.ts';
import { given, json, type Collector } from './collector.ts';

/** What the suite itself knows: the failure, its findings, its trips. Needs no cluster. */
export function failureCollectors(failure: {
  readonly title: string;
  readonly message: string;
  readonly findings: readonly Finding[];
  readonly trips: readonly Trip[];
  readonly images: ImageSet | undefined;
}): Collector[] {
  const { title, message, findings, trips, images } = failure;
  const collectors = [
    given('failure.txt', 'What failed, in the words of the report', () => `${title}\n\n${message}\n`),
    given('findings.json', 'The findings with their causes', () => json(findings)),
    ...(images === undefined
      ? []
      : [given('images.json', 'The images the run was made with', () => json(images))]),
  ];
  if (trips.length === 0) return collectors;
  return [
    ...collectors,
    given('trips.txt', 'The requests: what each witness said, side by side, then the raw lines', () =>
      trips.map(tripText).join('\n'),
    ),
    given('trips.json', 'The same as data', () => json(trips)),
  ];
}

function tripText(trip: Trip): string {
  const { sidecar = [], proxy = [], origin = [] } = trip;
  const lines = [...sidecar, ...proxy, ...origin].map(({ witness, line }) => `${witness}: ${line}`);
  const unmatched = trip.unmatched.map(({ witness, line, why }) => `${witness}: ${line}\n    ${why}`);
  return [
    renderTrip(trip),
    ...section('Its lines', lines),
    ...section('Lines since it began that are not its own', unmatched),
    '',
  ].join('\n');
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${heading}:`, ...lines];
}
