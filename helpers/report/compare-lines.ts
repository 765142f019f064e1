import colors from 'picocolors';
import { tableLines } from '../text-table.ts';
import { duration } from '../progress/terminal.ts';
import type { Change, RunComparison, Side, StepChange, StepOutcome } from './compare.ts';

/** A comparison of two runs for a terminal. */
export function compareLines(comparison: RunComparison): string[] {
  const { before, after, steps, same, versions, images, configuration } = comparison;
  const sections = [
    ...section('Steps', steps.flatMap(stepLines)),
    ...section('Versions', changeLines(versions)),
    ...section('Images', changeLines(images)),
    ...section('Configuration', changeLines(configuration)),
  ];
  return [
    `Before: ${sideInWords(before)}`,
    `After:  ${sideInWords(after)}`,
    ...sections,
    '',
    sections.length === 0
      ? `Nothing differs (${same} steps)`
      : `${steps.length} steps differ, ${same} do not`,
  ];
}

/** `20261125-… conformant, 1m 4s`, and its cause where it has one. */
export function sideInWords({ runId, verdict, cause, durationMs, passes }: Side): string {
  const why = cause === undefined ? '' : ` (${cause})`;
  return `${runId} ${verdict}${why}, ${passes === 1 ? '' : `${passes} passes, `}${duration(durationMs)}`;
}

/** `passed`, `failed MESH_X`, `passed 2 of 3`; '' where the run does not have the step. */
export function outcomeInWords(outcome: StepOutcome | undefined): string {
  if (outcome === undefined) return '';
  const { runs, passed, status, cause } = outcome;
  const often = runs > 1 && passed < runs && passed > 0 ? `passed in ${passed} of ${runs}` : status;
  return cause === undefined ? often : `${often}: ${cause}`;
}

/** What a passing step took, where that was noticed; '' otherwise. */
export function durationInWords({ before, after, aspects }: StepChange): string {
  if (!aspects.includes('duration') || before?.durationMs === undefined || after?.durationMs === undefined)
    return '';
  return `${duration(before.durationMs)} → ${duration(after.durationMs)}`;
}

function stepLines(step: StepChange): string[] {
  const { id, phase, title, before, after, aspects, facts } = step;
  const [old, now] = [outcomeInWords(before), outcomeInWords(after)];
  const verdict =
    before === undefined
      ? `only in the second run: ${now}`
      : after === undefined
        ? `only in the first run: ${old}`
        : aspects.includes('verdict') || aspects.includes('cause')
          ? `${old} → ${now}`
          : '';
  const changed = [verdict, durationInWords(step)].filter((part) => part !== '').join(', ');
  const worse = after !== undefined && after.status !== 'passed' && old !== now;
  const better = before !== undefined && before.status !== 'passed' && after?.status === 'passed';
  const sign = worse ? colors.red('✗') : better ? colors.green('✓') : '~';
  return [
    `${sign} ${id.padEnd(9)} ${title}${phase === undefined ? '' : ` (${phase})`}${changed === '' ? '' : `: ${changed}`}`,
    ...facts.map(
      ({ name, before: was, after: is }) =>
        `    ${name}: ${was === '' ? 'none' : was} → ${is === '' ? 'none' : is}`,
    ),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `  ${colors.bold(title)}`, ...lines.map((line) => `  ${line}`)];
}

function changeLines(changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const rows = changes.map(({ name, before, after }) => [
    name,
    before === '' ? '-' : before,
    after === '' ? '-' : after,
  ]);
  return tableLines([['', 'before', 'after'], ...rows]);
}
