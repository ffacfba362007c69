// Rows of text in columns, for people.

/** Lines of cells, each column as wide as its widest cell, two spaces apart; no rows, no text. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line of a description: a name of at most ten characters, and a text. */
export function formatLine([name = '', text = '']: readonly string[]): string {
  return `${name.padEnd(10)} ${text}`;
}
