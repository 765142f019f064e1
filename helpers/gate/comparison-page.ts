import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';
import { phaseHeadings, phaseRows } from '../report/tally.ts';
import { cut, markdownTable } from '../text-table.ts';
import { accessLogOf, fieldPairs, place, type LogField } from './access-log-fields.ts';
import { counting } from './differences.ts';
import { judge } from '../results/verdict.ts';
import type { Comparison, Difference, Observation, GateResults } from '../results/gate.ts';

/** A gate as far as its comparisons need it. */
export type ComparedGate = Pick<
  GateResults,
  'from' | 'to' | 'strategy' | 'rollback' | 'strict' | 'phases' | 'comparisons'
>;

/** Longest text of a value in a line of the terminal, and in a cell of the page: a whole listener is neither. */
const lineWidth = 120;
const cellWidth = 400;

/** For the terminal: how many differences each pair of phases has, and each that is red or new. */
export function comparisonLines(
  comparisons: readonly Comparison[],
  { strict }: { readonly strict: boolean } = { strict: false },
): string[] {
  return comparisons.flatMap((comparison) => {
    const { regressions, warnings } = judge(comparison.differences, { strict });
    const line = (mark: string) => (difference: Difference) => `    ${mark} ${described(difference)}`;
    return [
      `  ${colors.bold(titleOf(comparison))}: ${summary(comparison.differences, strict)}`,
      ...regressions.map(line(colors.red('✗'))),
      ...warnings.map(line(colors.yellow('!'))),
      ...comparison.unused.map((id) => `    ${colors.yellow('!')} ${unseen}: ${id}`),
    ];
  });
}

/** `comparison.md`: each pair of phases side by side, what is the same and what is not. */
export function comparisonPage(gate: ComparedGate): string {
  const { comparisons, strict } = gate;
  const sections = comparisons.flatMap((comparison) => {
    const { differences, unused, observed } = comparison;
    const labels = labelsOf(differences, strict);
    return [
      `## ${titleOf(comparison)}`,
      `${summary(differences, strict)}.`,
      ...(observed === undefined
        ? [differenceTable(differences, labels)]
        : sideBySide(observed.before, observed.after, differences, labels)),
      ...(unused.length === 0 ? [] : [`### ${unseen}`, unused.map((id) => `- ${code(id)}`).join('\n')]),
    ];
  });
  return [
    `# Comparison: Istio ${gate.from} → ${gate.to}, ${gate.strategy}${gate.rollback ? ', rolled back' : ''}${gate.strict ? ', strict' : ''}`,
    'Same, expected (with the reason), or new. Addresses, times and names of objects are left out of the comparison.',
    ...(sections.length === 0 ? ['The gate ended before anything was compared.'] : sections),
    '## Phases',
    table(phaseHeadings, phaseRows(gate.phases)),
    '',
  ].join('\n\n');
}

const unseen = 'In fixtures/expected-changes.yaml, but not seen';

function sideBySide(
  before: Observation,
  after: Observation,
  differences: readonly Difference[],
  labels: Labels,
): string[] {
  const config = differences.filter(({ kind }) => kind === 'config' || kind === 'limit');
  return [
    '### Steps',
    stepTable(before, after, labels),
    '### Access log',
    ...logPart(before, after, labels),
    "### The sidecar's configuration for the proxy",
    config.length === 0 ? 'Same.' : differenceTable(config, labels),
    '### Versions and images',
    componentTable(before, after, labels),
  ];
}

function titleOf({ before, after }: Comparison): string {
  return `${before} → ${after}`;
}

/** `id: before → after (reason)` in one line. */
function described({ id, before, after, reason }: Difference): string {
  const said = `${id}: ${short(before, lineWidth)} → ${short(after, lineWidth)}`;
  return reason === undefined ? said : `${said} (${short(reason, lineWidth)})`;
}

/** How many differences of which sort; durations differ always, and count as nothing. */
function summary(differences: readonly Difference[], strict: boolean): string {
  const { regressions, warnings } = judge(differences, { strict });
  const others = differences.filter(({ kind, severity }) => kind !== 'duration' && severity === 'info');
  const places = others.filter(({ reason }) => reason === counting).length;
  const better = others.filter(({ status }) => status === 'new').length;
  const parts = [
    [regressions.length, 'red'],
    [warnings.length, 'new'],
    [others.length - places - better, 'expected'],
    [places, 'places of log fields in consequence'],
    [better, 'better'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return said.length === 0 ? 'no differences' : `differences: ${said.join(', ')}`;
}

/** What each difference is called. */
type Labels = ReadonlyMap<Difference, string>;

function labelsOf(differences: readonly Difference[], strict: boolean): Labels {
  const { regressions } = judge(differences, { strict });
  return new Map(
    differences.map((difference) => {
      const { status, severity, reason } = difference;
      const other = status === 'expected' ? 'expected' : severity === 'info' ? 'better' : '**new**';
      const what = regressions.includes(difference) ? '**red**' : other;
      return [difference, reason === undefined ? what : `${what}: ${reason}`];
    }),
  );
}

/** What all differences with such an id are called. */
function labelled(labels: Labels, matches: (id: string) => boolean): string {
  const found = [...labels].flatMap(([{ id }, label]) => (matches(id) ? [label] : []));
  return found.length === 0 ? 'same' : [...new Set(found)].join('; ');
}

function stepTable(before: Observation, after: Observation, labels: Labels): string {
  const ids = [...new Set([...before.steps, ...after.steps].map(({ id }) => id))];
  const rows = ids.map((id) => {
    const [old, now] = [before, after].map(({ steps }) => steps.find((step) => step.id === id));
    return [
      id,
      now?.title ?? old?.title ?? '',
      ...[old, now].map((step) =>
        step === undefined ? '-' : `${step.status} (${duration(step.durationMs)})`,
      ),
      old === undefined || now === undefined
        ? 'not in both'
        : labelled(labels, (one) => one === `step: ${id}`),
    ];
  });
  return table(['step', '', 'before', 'after', ''], rows);
}

function logPart(before: Observation, after: Observation, labels: Labels): string[] {
  const [old, now] = [accessLogOf(before.accessLog.format), accessLogOf(after.accessLog.format)];
  const label = labelled(labels, (id) => ['log: encoding', 'log: ending', 'log: text'].includes(id));
  const counts = old.encoding === 'text' && now.encoding === 'text';
  const cell = (field: LogField | undefined): string[] =>
    field === undefined ? ['-', '-'] : [counts ? place(field) : `${field.position}`, code(field.written)];
  // Two encodings have no field in common, so that side by side each stands alone.
  const rows = fieldPairs(old, now).map((pair) => [
    code(pair.name),
    ...cell(pair.before),
    ...cell(pair.after),
    labelled(labels, (id) => concerns(id, pair.name)),
  ]);
  const samples = [before, after].map(
    ({ phase, accessLog }) => `- ${phase}: ${accessLog.line === '' ? 'no line' : code(accessLog.line)}`,
  );
  return [
    `${old.encoding} → ${now.encoding}, the line as a whole: ${label}`,
    table(['field', 'before', 'written', 'after', 'written', ''], rows),
    samples.join('\n'),
  ];
}

/** Whether a difference's id is about a field: `log: +%X% at 20`, `log: %X% moved 19 -> 20`, `log: key format`. */
function concerns(id: string, field: string): boolean {
  const rest = /^log: [+-]?(.*)$/.exec(id)?.[1];
  return rest === field || (rest?.startsWith(`${field} `) === true && !rest.startsWith(`${field} #`));
}

function differenceTable(differences: readonly Difference[], labels: Labels): string {
  const rows = differences.map((one) => [
    code(one.id),
    code(one.before),
    code(one.after),
    labels.get(one) ?? '',
  ]);
  return rows.length === 0 ? 'Same.' : table(['what', 'before', 'after', ''], rows);
}

function componentTable(before: Observation, after: Observation, labels: Labels): string {
  const rows = (['versions', 'images'] as const).flatMap((what) => {
    const kind = what.slice(0, -1);
    const names = [...new Set([before, after].flatMap((one) => Object.keys(one[what])))];
    return names.map((name) => [
      `${kind} of ${name}`,
      before[what][name] ?? '-',
      after[what][name] ?? '-',
      labelled(labels, (id) => id === `${kind}: ${name}`),
    ]);
  });
  return table(['', 'before', 'after', ''], rows);
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable(headings, rows, (text) => short(text, cellWidth).replaceAll('|', String.raw`\|`));
}

/** A code span; a text that holds a backtick needs two around it. */
function code(text: string): string {
  const inside = short(text, cellWidth - 5);
  return inside.includes('`') ? `\`\` ${inside} \`\`` : `\`${inside}\``;
}

function short(text: string, length: number): string {
  return cut(text.replace(/\s+/g, ' ').trim(), length);
}
