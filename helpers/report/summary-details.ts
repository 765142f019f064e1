import { z } from 'zod';
import type { Cause } from '../causes/cause.ts';
import { causes } from '../causes/causes.ts';
import { duration } from '../progress/terminal.ts';

const count = z.number();

/** What the details of a run are made of. Fields that another version of the suite wrote differently are left out. */
export const detailed = z.object({
  steps: z
    .array(
      z.object({
        id: z.string(),
        title: z.string(),
        status: z.enum(['passed', 'failed', 'skipped']),
        section: z.string(),
        phase: z.string().optional(),
        pass: z.number().default(1),
        durationMs: z.number(),
        reason: z.string(),
        findings: z
          .array(z.object({ cause: z.string(), seen: z.string(), expected: z.string() }))
          .default([]),
      }),
    )
    .default([]),
  gate: z
    .object({
      phases: z
        .array(
          z.object({
            id: z.string(),
            title: z.string(),
            durationMs: count,
            passed: count,
            failed: count,
            skipped: count,
          }),
        )
        .default([]),
      traffic: z
        .object({
          clients: z.array(
            z.object({
              workload: z.string(),
              kind: z.string(),
              ...{ opened: count, completed: count, refused: count, cut: count, lost: count, astray: count },
            }),
          ),
          gaps: z.array(z.object({ workload: z.string(), ms: count, phase: z.string() })).default([]),
        })
        .optional(),
      comparisons: z
        .array(
          z.object({
            before: z.string(),
            after: z.string(),
            differences: z.array(
              z.object({
                kind: z.string(),
                id: z.string(),
                before: z.string(),
                after: z.string(),
                severity: z.string(),
              }),
            ),
          }),
        )
        .default([]),
    })
    .optional(),
});
export type Detailed = z.infer<typeof detailed>;
type Step = Detailed['steps'][number];

/** Why a run is not conformant. */
export function causesSection({ steps }: Detailed): string[] {
  const failed = steps.filter(({ status }) => status === 'failed');
  const alike = Map.groupBy(failed, ({ findings: [finding], reason }) =>
    JSON.stringify(finding === undefined ? [reason] : [finding.cause, finding.seen]),
  );
  return [...alike.values()].slice(0, mostCauses).flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const [finding] = first.findings;
    const same =
      others.length === 0 ? '' : `; the same at ${[...new Set(others.map(({ id }) => id))].join(', ')}`;
    const head = `**${inCell(first.id)}** ${inCell(first.title)}${inCell(same)}`;
    if (finding === undefined) return [head, '', `- ${inCell(cut(first.reason))}`, ''];
    const cause = causeOf(finding.cause);
    return [
      head,
      '',
      `- **${inCell(finding.cause)}** ${inCell(cause?.title ?? '')}`.trimEnd(),
      `- seen: ${inCell(cut(finding.seen))}`,
      `- expected: ${inCell(cut(finding.expected))}`,
      ...(cause === undefined ? [] : [`- do: ${inCell(cause.do)}`]),
      '',
    ];
  });
}

/** The rest of a single run: the gate's phases, its traffic, the differences, the steps. */
export function runSections(run: Detailed): string[] {
  return [...gateSections(run), ...stepsSection(run)];
}

function gateSections({ gate }: Detailed): string[] {
  if (gate === undefined) return [];
  const { phases, traffic, comparisons } = gate;
  return [
    ...(phases.length === 0
      ? []
      : table(
          'Phases',
          ['phase', 'took', 'passed', 'failed', 'skipped'],
          phases.map((phase) => [
            phase.title,
            duration(phase.durationMs),
            ...[phase.passed, phase.failed, phase.skipped].map(String),
          ]),
        )),
    ...(traffic === undefined
      ? []
      : table(
          'Live traffic',
          ['client', ...columns, 'longest gap'],
          traffic.clients.map((client) => {
            const gap =
              client.kind === 'requests'
                ? traffic.gaps.find(({ workload }) => workload === client.workload)
                : undefined;
            return [
              `${client.workload} ${client.kind}`,
              ...columns.map((column) => String(client[column])),
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
              cut(old),
              cut(now),
            ]),
          );
    }),
  ];
}

const columns = ['opened', 'completed', 'refused', 'cut', 'lost', 'astray'] as const;

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
  const tally = (['passed', 'failed', 'skipped'] as const)
    .map((status) => `${steps.filter((step) => step.status === status).length} ${status}`)
    .join(', ');
  return [
    `<details><summary>Steps: ${tally}</summary>`,
    '',
    ...rowsOf(['', 'step', '', 'section', 'took'], rows),
    ...(shown.length <= mostSteps ? [] : ['', `${shown.length - mostSteps} more in results.json.`]),
    '',
    '</details>',
    '',
  ];
}

const marks = { passed: '✅', failed: '❌', skipped: '➖' } as const;
const mostCauses = 5;
/** A job's page takes 1 MiB, for all of its steps. */
const mostSteps = 400;

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [`#### ${inCell(title)}`, '', ...rowsOf(head, rows), ''];
}

function rowsOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.map(inCell).join(' | ')} |`),
  ];
}

function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)} …` : text;
}

function causeOf(code: string): Cause | undefined {
  const known: Readonly<Record<string, Cause>> = causes;
  return Object.hasOwn(known, code) ? known[code] : undefined;
}

/** Text escaped for a cell or a line of Markdown: reasons quote logs and programs. */
export function inCell(text: string): string {
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
