import { judge } from '../../results/verdict.ts';
import type { Difference, Comparison, GateResults } from '../../results/gate.ts';
import { cut } from '../../text-table.ts';
import { counted } from './format.ts';
import { Table } from './table.tsx';

/** What an upgrade changed, pair of phases by pair: what is red or new first, then what was expected. */
export function Differences({ gate }: { readonly gate: GateResults }) {
  if (gate.comparisons.length === 0) return <p>The gate ended before anything was compared.</p>;
  return (
    <>
      {gate.comparisons.map((comparison, index) => (
        <Pair key={index} {...{ comparison }} strict={gate.strict} />
      ))}
      <p>
        Addresses, times and names of objects are left out of the comparison;{' '}
        <a href="../comparison.md">comparison.md</a> has the phases side by side with what is the same.
      </p>
    </>
  );
}

function Pair({ comparison, strict }: { readonly comparison: Comparison; readonly strict: boolean }) {
  const { before, after, unused } = comparison;
  const differences = comparison.differences.filter(({ kind }) => kind !== 'duration');
  const { regressions, warnings } = judge(differences, { strict });
  const told = differences.filter((one) => !regressions.includes(one) && !warnings.includes(one));
  return (
    <>
      <h3>
        {before} <span aria-label="compared with">→</span> {after}
      </h3>
      <p>
        {regressions.length === 0 ? 'Nothing red' : <strong class="bad">✗ {regressions.length} red</strong>},{' '}
        {counted(warnings.length, 'new difference')} to look at, {told.length} expected.
      </p>
      {regressions.length + warnings.length === 0 ? null : (
        <DifferenceTable
          label={`Red and new differences: ${before}, ${after}`}
          differences={[...regressions, ...warnings]}
          red={regressions}
        />
      )}
      {told.length === 0 ? null : (
        <details>
          <summary>
            {counted(told.length, 'expected difference')}
            <span class="unseen">
              {' '}
              of {before} and {after}
            </span>
          </summary>
          <DifferenceTable label={`Expected differences: ${before}, ${after}`} differences={told} red={[]} />
        </details>
      )}
      {unused.length === 0 ? null : (
        <p>In fixtures/expected-changes.yaml, but not seen: {unused.join(', ')}.</p>
      )}
    </>
  );
}

/** A whole listener is nothing to read in a cell; results.json has it. */
const mostCharacters = 600;

interface DifferenceTableProps {
  readonly label: string;
  readonly differences: readonly Difference[];
  readonly red: readonly Difference[];
}

function DifferenceTable({ label, differences, red }: DifferenceTableProps) {
  return (
    <Table
      label={label}
      head={['What', 'Before', 'After', 'Judged']}
      rows={differences.map((one) => [
        <code>{one.id}</code>,
        <code>{cut(one.before, mostCharacters)}</code>,
        <code>{cut(one.after, mostCharacters)}</code>,
        <>
          {red.includes(one) ? (
            <strong class="bad">✗ red</strong>
          ) : one.severity === 'info' ? (
            'expected'
          ) : (
            'new'
          )}
          {one.reason === undefined ? '' : `: ${one.reason}`}
        </>,
      ])}
    />
  );
}
