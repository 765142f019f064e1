import { z } from 'zod';
import { duration } from '../progress/terminal.ts';
import { gateResults } from '../results/gate.ts';
import { stepResult } from '../results/step.ts';
import { cut, markdownTable } from '../text-table.ts';
import { trafficAccount } from '../traffic/account.ts';
import { causeOf, failuresOf } from './failures.ts';
import { tally } from './tally.ts';

const { phases, comparisons } = gateResults.shape;
const { clients, gaps } = trafficAccount.shape;
const { differences } = comparisons.element.shape;

/** What the details of a run are made of. What another version of the suite left out of it is missing there as well. */
export const detailed = z.object({
  steps: z
    .array(
      stepResult
        .pick({
          id: true,
          title: true,
          status: true,
          section: true,
          phase: true,
          durationMs: true,
          reason: true,
        })
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
export type Detailed = z.infer<typeof detailed>;
type Step = Detailed['steps'][number];

/** Why a run is not conformant. */
export function causesSection({ steps }: Detailed): string[] {
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
              cut(old, mostCharacters),
              cut(now, mostCharacters),
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
