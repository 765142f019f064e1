/** Rows as text in columns; the last column is as wide as it is. Line ends within a cell become blanks. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return tableLines([headings, ...rows])
    .map((line) => `${line}\n`)
    .join('');
}

/**
 * The same as lines.
 * @param rows With the headings first, where it has some
 * @param isNumber Columns that are aligned to the right
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  isNumber: (column: number) => boolean = () => false,
): string[] {
  const cells = rows.map((row) => row.map((cell) => cell.replace(/\s*\n\s*/g, ' ')));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
