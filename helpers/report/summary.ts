import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, thrownAs, UsageError } from '../errors.ts';
import { markdownTable, cut } from '../text-table.ts';
import { duration } from '../progress/terminal.ts';
import { gateResults } from '../results/gate.ts';
import { stepResult } from '../results/step.ts';
import { gapOf, trafficAccount, tripColumns } from '../traffic/account.ts';
import { causeOf, failuresOf, phaseHeadings, phaseRows, tally } from './tally.ts';

/** The part of results.json that a summary needs; other versions of the suite write it too. */
const summarised = z.object({
  runId: z.string(),
  verdict: z.string(),
  reason: z.string(),
  cause: z.string().optional(),
  durationMs: z.number().optional(),
  versions: z
    .object({ istiod: z.string().optional(), kubernetes: z.string().optional() })
    .loose()
    .default({}),
  configuration: z
    .object({ istio: z.string().optional(), k8s: z.string().optional(), edition: z.string().optional() })
    .loose(),
  gate: z
    .object({ from: z.string(), to: z.string(), strategy: z.string(), rollback: z.boolean().default(false) })
    .loose()
    .optional(),
});

interface SummaryRow {
  readonly what: string;
  readonly verdict: string;
  /** How long it took; empty where another version of the suite does not say. */
  readonly time: string;
  /** First line of it; empty for a conformant run. */
  readonly reason: string;
  readonly cause: string;
  /** The report's folder. */
  readonly path: string;
  /** Absent where another version of the suite wrote it differently. */
  readonly details?: Detailed;
}

/**
 * Every results.json below these folders as a row, those that are not conformant first. `reports/latest` is a copy of or
 * a link to another run: each run is listed once.
 * @throws UsageError when a folder cannot be read, or there is no results.json below any of them
 */
export async function summaryRows(folders: readonly string[]): Promise<SummaryRow[]> {
  const files = (await Promise.all(folders.map(resultsBelow))).flat();
  if (files.length === 0) {
    throw new UsageError(
      `There is no results.json below ${folders.join(', ')}.`,
      'Give the folder that reports were written to (--report-dir, reports by default).',
    );
  }
  const runs = new Map<string, SummaryRow>();
  for (const file of files) {
    const { id, row } = await rowOf(file);
    if (!runs.has(id)) runs.set(id, row);
  }
  return [...runs.values()].sort(byWeight);
}

/**
 * The rows as Markdown: a line of counts and a table, then all of a single run, or what failed in each of several.
 */
export function summaryPage(rows: readonly SummaryRow[]): string {
  const verdicts = [...new Set(rows.map(({ verdict }) => verdict))];
  const counts = verdicts.map(
    (verdict) => `${String(rows.filter((row) => row.verdict === verdict).length)} ${verdict}`,
  );
  const columns = columnsOf(rows);
  return [
    counts.map(inCell).join(', '),
    '',
    markdownTable(
      columns.map(([heading]) => heading),
      rows.map((row) => columns.map(([, key]) => row[key])),
      inCell,
    ),
    '',
    ...detailLines(rows),
  ].join('\n');
}

/** Without those that have nothing in any row. */
function columnsOf(rows: readonly SummaryRow[]) {
  const columns = [
    ['run', 'what'],
    ['verdict', 'verdict'],
    ['time', 'time'],
    ['reason', 'reason'],
    ['cause', 'cause'],
    ['report', 'path'],
  ] as const;
  return columns.filter(([, key]) => rows.some((row) => row[key] !== ''));
}

function detailLines(rows: readonly SummaryRow[]): string[] {
  const [first, ...others] = rows;
  if (first !== undefined && others.length === 0) {
    return first.details === undefined
      ? []
      : [...causesSection(first.details), ...gateSections(first.details), ...stepsSection(first.details)];
  }
  return rows.flatMap(({ what, details }) => {
    const told = details === undefined ? [] : causesSection(details);
    return told.length === 0 ? [] : [`### ${inCell(what)}`, '', ...told];
  });
}

async function resultsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    thrownAs(UsageError, `${folder} cannot be read`, 'Give the folder that reports were written to.'),
  );
  return (
    entries
      .filter((entry) => entry.isFile() && entry.name === 'results.json')
      .map((entry) => join(entry.parentPath, entry.name))
      // The run's own folder before a copy called latest.
      .sort()
  );
}

async function rowOf(file: string): Promise<{ id: string; row: SummaryRow }> {
  const path = join(file, '..');
  try {
    const data: unknown = JSON.parse(await readFile(file, 'utf8'));
    const { runId, verdict, reason, cause = '', durationMs, ...run } = summarised.parse(data);
    const { configuration, versions, gate } = run;
    const details = detailed.safeParse(data);
    const { istio = versions.istiod ?? 'by default', edition } = configuration;
    const k8s = configuration.k8s ?? versions.kubernetes?.replace(/^v/, '');
    const upgrade =
      gate && `${gate.from} → ${gate.to} ${gate.strategy}${gate.rollback ? ', rolled back' : ''}`;
    const what = [
      upgrade ?? `Istio ${istio}`,
      ...(k8s === undefined ? [] : [`Kubernetes ${k8s}`]),
      ...(edition === undefined ? [] : [`edition ${edition}`]),
    ].join(', ');
    const time = durationMs === undefined ? '' : duration(durationMs);
    const row = { what, verdict, time, reason: reason.split('\n')[0] ?? '', cause, path };
    return { id: runId, row: details.success ? { ...row, details: details.data } : row };
  } catch (error) {
    // An incomplete file must not hide the others.
    const said = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    const reason = `results.json cannot be read: ${said.split('\n')[0] ?? ''}`;
    return { id: file, row: { what: 'unknown', verdict: 'unreadable', time: '', reason, cause: '', path } };
  }
}

function byWeight(one: SummaryRow, other: SummaryRow): number {
  const weight = ({ verdict }: SummaryRow): number => (verdict === 'conformant' ? 1 : 0);
  return weight(one) - weight(other) || one.what.localeCompare(other.what, 'en', { numeric: true });
}

const { phases, comparisons } = gateResults.shape;
const { clients, gaps } = trafficAccount.shape;
const { differences } = comparisons.element.shape;

/** What the details of a run are made of. What another version of the suite left out of it is missing there as well. */
const detailed = z.object({
  steps: z
    .array(
      stepResult
        .omit({ command: true, startedAt: true, facts: true, trips: true, evidence: true })
        .extend({ pass: stepResult.shape.pass.default(1), findings: stepResult.shape.findings.default([]) }),
    )
    .default([]),
  gate: z
    .object({
      phases: z.array(phases.element.omit({ startedAt: true })).default([]),
      traffic: z
        .object({
          clients: z.array(clients.element.omit({ pods: true, exchanges: true })),
          gaps: z.array(gaps.element.omit({ from: true, until: true })).default([]),
        })
        .optional(),
      comparisons: z
        .array(
          comparisons.element
            .pick({ before: true, after: true })
            .extend({ differences: z.array(differences.element.omit({ status: true, reason: true })) }),
        )
        .default([]),
    })
    .optional(),
});
type Detailed = z.infer<typeof detailed>;
type Step = Detailed['steps'][number];

function causesSection({ steps }: Detailed): string[] {
  const failures = failuresOf(steps).slice(0, mostCauses);
  return failures.flatMap(({ first, others }) => {
    const [finding] = first.findings;
    const same =
      others.length === 0 ? '' : `; the same at ${[...new Set(others.map(({ id }) => id))].join(', ')}`;
    const head = `**${inCell(first.id)}** ${inCell(first.title)}${inCell(same)}`;
    if (finding === undefined) return [head, '', `- ${inCell(cut(first.reason, mostCharacters))}`, ''];
    const cause = causeOf(finding.cause);
    return [
      head,
      '',
      `- **${inCell(finding.cause)}** ${inCell(cause?.title ?? '')}`.trimEnd(),
      `- seen: ${inCell(cut(finding.seen, mostCharacters))}`,
      `- expected: ${inCell(cut(finding.expected, mostCharacters))}`,
      ...(cause === undefined ? [] : [`- do: ${inCell(cause.do)}`]),
      '',
    ];
  });
}

function gateSections({ gate }: Detailed): string[] {
  if (gate === undefined) return [];
  const { phases, traffic, comparisons } = gate;
  return [
    ...(phases.length === 0 ? [] : table('Phases', phaseHeadings, phaseRows(phases))),
    ...(traffic === undefined
      ? []
      : table(
          'Live traffic',
          ['client', ...tripColumns, 'longest gap'],
          traffic.clients.map((client) => {
            const gap = gapOf(client, traffic.gaps);
            return [
              `${client.workload} ${client.kind}`,
              ...tripColumns.map((column) => String(client[column])),
              gap === undefined ? '' : `${duration(gap.ms)} (${gap.phase})`,
            ];
          }),
        )),
    ...comparisons.flatMap(({ before, after, differences }) => {
      const told = differences.filter(({ severity }) => severity !== 'info');
      return told.length === 0
        ? []
        : table(
            `Differences: ${before} → ${after}`,
            ['', 'what', 'before', 'after'],
            told.map(({ severity, id, before: old, after: now }) => [
              severity === 'regression' ? '❌' : '⚠️',
              id,
              cut(old, mostCharacters),
              cut(now, mostCharacters),
            ]),
          );
    }),
  ];
}

/** Folded, since most steps passed. Of several passes: the first, and steps that did not pass in the others. */
function stepsSection({ steps, gate }: Detailed): string[] {
  if (steps.length === 0) return [];
  const shown = steps.filter(({ pass, status }) => pass === 1 || status !== 'passed');
  const titles = new Map(gate?.phases.map(({ id, title }) => [id, title]));
  const passes = new Set(steps.map(({ pass }) => pass)).size;
  const where = ({ phase, section, pass }: Step): string =>
    [
      phase === undefined ? section : (titles.get(phase) ?? phase),
      ...(passes === 1 ? [] : [`pass ${pass}`]),
    ].join(', ');
  const rows = shown
    .slice(0, mostSteps)
    .map((step) => [
      marks[step.status],
      step.id,
      step.title,
      where(step),
      step.status === 'skipped' ? '' : duration(step.durationMs),
    ]);
  return [
    `<details><summary>Steps: ${tally(steps)}</summary>`,
    '',
    markdownTable(['', 'step', '', 'section', 'took'], rows, inCell),
    ...(shown.length <= mostSteps ? [] : ['', `${shown.length - mostSteps} more in results.json.`]),
    '',
    '</details>',
    '',
  ];
}

const marks = { passed: '✅', failed: '❌', skipped: '➖' } as const;
const mostCauses = 5;
const mostCharacters = 300;
/** A job's page takes 1 MiB, for all of its steps. */
const mostSteps = 400;

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [`#### ${inCell(title)}`, '', markdownTable(head, rows, inCell), ''];
}

/** Text escaped for a cell or a line of Markdown: reasons quote logs and programs. */
function inCell(text: string): string {
  return (
    text
      .replace(/[\r\n]+/g, ' ')
      .replace(/[\\`*_[\]|~]/g, '\\$&')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      // No mentions of people, no references to issues.
      .replace(/[@#](?=\w)/g, '$&\u200b')
  );
}
