import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, thrownAs, UsageError } from '../errors.ts';
import { markdownTable } from '../text-table.ts';
import { causesSection, detailed, inCell, runSections, type Detailed } from './summary-details.ts';

/** The part of results.json that a summary needs; other versions of the suite write it too. */
const summarised = z.object({
  runId: z.string(),
  verdict: z.string(),
  reason: z.string(),
  cause: z.string().optional(),
  configuration: z.object({ istio: z.string().optional(), k8s: z.string().optional() }).loose(),
  gate: z
    .object({ from: z.string(), to: z.string(), strategy: z.string(), rollback: z.boolean().default(false) })
    .loose()
    .optional(),
});

/** One run, as a row. */
export interface SummaryRow {
  readonly what: string;
  readonly verdict: string;
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
  const lines = rows.map(({ what, verdict, reason, cause, path }) => [what, verdict, reason, cause, path]);
  return [
    counts.map(inCell).join(', '),
    '',
    markdownTable(['run', 'verdict', 'reason', 'cause', 'report'], lines, inCell),
    '',
    ...detailLines(rows),
  ].join('\n');
}

function detailLines(rows: readonly SummaryRow[]): string[] {
  const [first, ...others] = rows;
  if (first !== undefined && others.length === 0) {
    return first.details === undefined
      ? []
      : [...causesSection(first.details), ...runSections(first.details)];
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
    const { runId, verdict, reason, cause = '', configuration, gate } = summarised.parse(data);
    const details = detailed.safeParse(data);
    const kubernetes = configuration.k8s === undefined ? '' : `, Kubernetes ${configuration.k8s}`;
    const what =
      gate === undefined
        ? `Istio ${configuration.istio ?? 'by default'}${kubernetes}`
        : `${gate.from} → ${gate.to} ${gate.strategy}${gate.rollback ? ', rolled back' : ''}${kubernetes}`;
    const row = { what, verdict, reason: reason.split('\n')[0] ?? '', cause, path };
    return { id: runId, row: details.success ? { ...row, details: details.data } : row };
  } catch (error) {
    // An incomplete file must not hide the others.
    const said = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    const reason = `results.json cannot be read: ${said.split('\n')[0] ?? ''}`;
    return { id: file, row: { what: 'unknown', verdict: 'unreadable', reason, cause: '', path } };
  }
}

function byWeight(one: SummaryRow, other: SummaryRow): number {
  const weight = ({ verdict }: SummaryRow): number => (verdict === 'conformant' ? 1 : 0);
  return weight(one) - weight(other) || one.what.localeCompare(other.what, 'en', { numeric: true });
}
