import type { Child } from 'hono/jsx';

interface TableProps {
  /** What the table is of, for who does not see it; it can be scrolled where it is wider than the page. */
  readonly label: string;
  readonly head: readonly Child[];
  /** The first cell of a row is its heading. */
  readonly rows: readonly (readonly Child[])[];
  /** Columns that hold numbers, from 0. */
  readonly numeric?: readonly number[];
}

/** A table with headings for rows and columns, which scrolls by itself on a narrow screen, by keyboard as well. */
export function Table({ label, head, rows, numeric = [] }: TableProps) {
  const kind = (column: number): string | undefined => (numeric.includes(column) ? 'number' : undefined);
  return (
    <div class="scroll" role="region" aria-label={label} tabindex={0}>
      <table>
        <thead>
          <tr>
            {head.map((cell, column) => (
              <th key={column} scope="col" class={kind(column)}>
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...cells], row) => (
            <tr key={row}>
              <th scope="row">{first}</th>
              {cells.map((cell, column) => (
                <td key={column} class={kind(column + 1)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface PairsProps {
  readonly pairs: readonly (readonly [name: Child, value: Child])[];
  readonly class?: string;
}

export function Pairs({ pairs, class: name = 'pairs' }: PairsProps) {
  return (
    <dl class={name}>
      {pairs.map(([title, value], index) => (
        <div key={index}>
          <dt>{title}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
