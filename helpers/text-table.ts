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

/**
 * Rows as a table of Markdown, without a line's end.
 * @param cell Makes a row's text fit for a cell: what it must escape depends on where it comes from
 */
export function markdownTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  cell: (text: string) => string = (text) => text.replaceAll('|', '\\|'),
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join(
    '\n',
  );
}

/** A text that is too long for its place, without its end. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)} …` : text;
}

/** The first of many, and how many there are besides. */
export function firstOf(names: readonly string[], most: number): string {
  const first = names.slice(0, most).join(', ');
  return names.length > most ? `${first} and ${names.length - most} more` : first;
}

/** A setting's or a field's value as text. */
export function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
