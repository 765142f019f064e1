import { differingStatements } from '../closing.ts';
import type { Results } from '../../results/results.ts';
import { percent } from '../stability.ts';
import { duration } from './format.ts';
import { Table } from './table.tsx';

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
