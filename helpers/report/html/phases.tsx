import type { GateResults } from '../../results/gate.ts';
import type { StepResult } from '../../results/step.ts';
import { duration } from './format.ts';
import { StatusMark, stepAnchor } from './step.tsx';
import { Table } from './table.tsx';
import { differingStatements } from '../closing.ts';
import type { Results } from '../../results/results.ts';
import { percent } from '../tally.ts';

interface PhasesProps {
  readonly gate: GateResults;
  readonly steps: readonly StepResult[];
}

/** The gate's phases, and each step of the document beside itself in all of them. */
export function Phases({ gate, steps }: PhasesProps) {
  return (
    <>
      <Table
        label="Phases of the gate"
        head={['Phase', 'Took', 'Passed', 'Failed', 'Skipped']}
        numeric={[1, 2, 3, 4]}
        rows={gate.phases.map(({ title, durationMs, passed, failed, skipped }) => [
          title,
          duration(durationMs),
          String(passed),
          failed === 0 ? '0' : <strong class="bad">✗ {failed}</strong>,
          String(skipped),
        ])}
      />
      <SideBySide {...{ gate, steps }} />
      {gate.mesh.length === 0 ? null : (
        <>
          <h3>The mesh after the last operation, or the first that failed</h3>
          <pre>{gate.mesh.join('\n')}</pre>
        </>
      )}
    </>
  );
}

/** Steps that ran in more than one phase: before the upgrade, in between, after. */
function SideBySide({ gate, steps }: PhasesProps) {
  const shared = [...new Set(steps.map(({ id }) => id))].filter(
    (id) => new Set(steps.flatMap((step) => (step.id === id ? [step.phase] : []))).size > 1,
  );
  const phases = gate.phases.filter(({ id }) =>
    steps.some((step) => step.phase === id && shared.includes(step.id)),
  );
  if (shared.length === 0) return null;
  return (
    <>
      <h3>The document’s steps side by side</h3>
      <Table
        label="The document’s steps in each phase"
        head={['Step', 'Title', ...phases.map(({ title }) => title)]}
        rows={shared.map((id) => [
          id,
          steps.find((step) => step.id === id)?.title ?? '',
          ...phases.map((phase) => (
            <Cell step={steps.find((step) => step.id === id && step.phase === phase.id)} />
          )),
        ])}
      />
    </>
  );
}

function Cell({ step }: { readonly step: StepResult | undefined }) {
  if (step === undefined)
    return (
      <span class="none">
        <span aria-hidden="true">·</span>
        <span class="unseen">not in this phase</span>
      </span>
    );
  const { status, durationMs, findings } = step;
  return (
    <span class="cell">
      <StatusMark status={status} />{' '}
      {status === 'failed' ? (
        <a href={`#${stepAnchor(step)}`}>{findings[0]?.cause ?? 'failed'}</a>
      ) : status === 'passed' ? (
        duration(durationMs)
      ) : (
        'skipped'
      )}
    </span>
  );
}

/** Of many passes: how often each step passed and how long it took; of a flake what the witnesses said differently. */
export function StabilityTable({ run }: { readonly run: Results }) {
  const titles = Map.groupBy(run.steps, ({ id }) => id);
  const differing = differingStatements(run.steps);
  return (
    <>
      <Table
        label="Figures of each step over all passes"
        head={['Step', 'Title', 'Passed', 'Rate', 'Minimum', 'Median', 'Maximum']}
        numeric={[2, 3, 4, 5, 6]}
        rows={(run.stability ?? []).map((figures) => [
          <span class={figures.passRate === 1 ? undefined : 'bad'}>
            {figures.passRate === 1 ? '✓' : '✗'} {figures.id}
          </span>,
          titles.get(figures.id)?.[0]?.title ?? '',
          `${figures.passed} of ${figures.runs}`,
          percent(figures.passRate),
          ...[figures.minMs, figures.medianMs, figures.maxMs].map((ms) =>
            ms === undefined ? '–' : duration(ms),
          ),
        ])}
      />
      {differing.length === 0 ? null : (
        <>
          <h3>What the witnesses said differently</h3>
          <pre>{differing.join('\n').trim()}</pre>
        </>
      )}
    </>
  );
}
