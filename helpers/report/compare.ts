import type { Results } from '../results/results.ts';
import type { StepResult } from '../results/step.ts';
import { written, tableLines } from '../text-table.ts';
import { stabilityOf, worstOf } from './tally.ts';
import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';

/** Something that has a name, and another value in each of two runs; '' where a run does not have it. */
export interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** A step over all passes of one run. */
interface StepOutcome {
  readonly runs: number;
  readonly passed: number;
  /** `passed` only when it did so in every pass. */
  readonly status: StepResult['status'];
  /** Of the first failure, where it has one. */
  readonly cause?: string;
  /** Median of the passes it passed in. */
  readonly durationMs?: number;
}

type Aspect = 'verdict' | 'cause' | 'duration' | 'facts' | 'only before' | 'only after';

export interface StepChange {
  readonly id: string;
  /** Title of the gate's phase that it belongs to. */
  readonly phase?: string;
  readonly title: string;
  readonly aspects: readonly Aspect[];
  readonly before?: StepOutcome;
  readonly after?: StepOutcome;
  readonly facts: readonly Change[];
}

export type Side = Readonly<
  Pick<Results, 'runId' | 'verdict' | 'cause' | 'startedAt' | 'durationMs'> & { passes: number }
>;

export interface RunComparison {
  readonly before: Side;
  readonly after: Side;
  /** What passed before and does not any more comes first. */
  readonly steps: readonly StepChange[];
  /** Steps of which nothing changed. */
  readonly same: number;
  readonly versions: readonly Change[];
  readonly images: readonly Change[];
  readonly configuration: readonly Change[];
}

/** Two runs take different times for the same; less than this says nothing: so many times as long, and by so much. */
export const noticeable = { times: 1.5, ms: 500 } as const;

/**
 * Compares two runs: steps by their id, and of a gate by phase and id. Facts that differ only in addresses and in the names of
 * pods, which every run has anew, are the same.
 */
export function compareRuns(before: Results, after: Results): RunComparison {
  const [old, now] = [stepsOf(before), stepsOf(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  const steps = keys.flatMap((key) => stepChange(old.get(key), now.get(key)));
  return {
    before: sideOf(before),
    after: sideOf(after),
    steps: steps.sort((one, other) => weight(one) - weight(other)),
    same: keys.length - steps.length,
    versions: changes(before.versions, after.versions),
    images: changes(imagesOf(before), imagesOf(after)),
    configuration: changes(settingsOf(before), settingsOf(after)),
  };
}

interface KnownStep {
  readonly id: string;
  readonly phase?: string;
  readonly title: string;
  readonly outcome: StepOutcome;
  readonly facts: Readonly<Record<string, string>>;
}

function stepsOf({ steps, gate }: Results): Map<string, KnownStep> {
  const groups = Map.groupBy(steps, ({ phase = '', id }) => JSON.stringify([phase, id]));
  const titles = new Map(gate?.phases.map(({ id, title }) => [id, title]));
  return new Map(
    [...groups].flatMap(([key, passes]): [string, KnownStep][] => {
      const [first] = passes;
      if (first === undefined) return [];
      const { id, phase, title } = first;
      // Of what did not pass everywhere, the pass that tells.
      const telling = passes.find(({ status }) => status !== 'passed') ?? first;
      const known = { id, title, outcome: outcomeOf(passes), facts: telling.facts };
      return [[key, phase === undefined ? known : { ...known, phase: titles.get(phase) ?? phase }]];
    }),
  );
}

function outcomeOf(passes: readonly StepResult[]): StepOutcome {
  const [figures] = stabilityOf(passes);
  const failed = passes.find(({ status }) => status === 'failed');
  const cause = failed?.findings[0]?.cause;
  return {
    runs: passes.length,
    passed: figures?.passed ?? 0,
    status: worstOf(passes),
    ...(cause === undefined ? {} : { cause }),
    ...(figures?.medianMs === undefined ? {} : { durationMs: figures.medianMs }),
  };
}

function stepChange(before: KnownStep | undefined, after: KnownStep | undefined): StepChange[] {
  const known = after ?? before;
  if (known === undefined) return [];
  const { id, phase, title } = known;
  const step = { id, title, ...(phase === undefined ? {} : { phase }) };
  if (before === undefined) return [{ ...step, aspects: ['only after'], after: known.outcome, facts: [] }];
  if (after === undefined) return [{ ...step, aspects: ['only before'], before: known.outcome, facts: [] }];
  // What did not pass has not established what it would have.
  const bothPassed = [before, after].every(({ outcome }) => outcome.status === 'passed');
  const facts = bothPassed ? changes(before.facts, after.facts, withoutNames) : [];
  const [old, now] = [before.outcome, after.outcome];
  const aspects: Aspect[] = [
    ...(old.status !== now.status || old.passed / old.runs !== now.passed / now.runs
      ? (['verdict'] as const)
      : []),
    ...(old.cause !== now.cause ? (['cause'] as const) : []),
    ...(tookOtherwise(old.durationMs, now.durationMs) ? (['duration'] as const) : []),
    ...(facts.length > 0 ? (['facts'] as const) : []),
  ];
  return aspects.length === 0 ? [] : [{ ...step, aspects, before: old, after: now, facts }];
}

function tookOtherwise(before: number | undefined, after: number | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  const [short, long] = before < after ? [before, after] : [after, before];
  return long - short >= noticeable.ms && long >= short * noticeable.times;
}

/** Addresses, ports that a system chose, and the part of a pod's name that its ReplicaSet made up. */
function withoutNames(text: string): string {
  return text
    .replace(/(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g, 'IP')
    .replace(/IP:\d{5}\b/g, 'IP:PORT')
    .replace(/-[a-z0-9]{8,10}-[a-z0-9]{5}\b/g, '-POD');
}

function changes(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  meant: (text: string) => string = (text) => text,
): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((name) => ({ name, before: before[name] ?? '', after: after[name] ?? '' }))
    .filter(
      ({ name, before: old, after: now }) => !(name in before && name in after) || meant(old) !== meant(now),
    );
}

/** By role; a gate has several images of some. */
function imagesOf({ images }: Results): Record<string, string> {
  const byRole = Map.groupBy(images, ({ role }) => role);
  return Object.fromEntries(
    [...byRole].map(([role, all]) => [
      role,
      all.map(({ reference, digest }) => `${reference} (${digest.slice(0, 19)})`).join(', '),
    ]),
  );
}

function settingsOf({ configuration }: Results): Record<string, string> {
  return Object.fromEntries(Object.entries(configuration).map(([name, value]) => [name, written(value)]));
}

function sideOf({ runId, verdict, cause, startedAt, durationMs, steps }: Results): Side {
  const passes = Math.max(1, new Set(steps.map(({ pass }) => pass)).size);
  return { runId, verdict, ...(cause === undefined ? {} : { cause }), startedAt, durationMs, passes };
}

/** What got worse, then what changed otherwise, then what only took another time. */
function weight(step: StepChange): number {
  const groups: readonly Aspect[][] = [
    ['verdict', 'cause'],
    ['only before', 'only after'],
    ['facts'],
    ['duration'],
  ];
  return isWorse(step) ? -1 : groups.findIndex((group) => group.some((one) => step.aspects.includes(one)));
}

/** Whether it did not pass, or passed less often, where it did before. */
export function isWorse({ before, after }: StepChange): boolean {
  if (after === undefined || after.status === 'passed') return false;
  return (
    before === undefined ||
    before.status === 'passed' ||
    after.passed / after.runs < before.passed / before.runs
  );
}

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
function sideInWords({ runId, verdict, cause, durationMs, passes }: Side): string {
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
function durationInWords({ before, after, aspects }: StepChange): string {
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
  const better = before !== undefined && before.status !== 'passed' && after?.status === 'passed';
  const sign = isWorse(step) ? colors.red('✗') : better ? colors.green('✓') : '~';
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
