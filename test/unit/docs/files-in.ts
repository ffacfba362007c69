// Files that a cell of a document's table names.

/** The files in a cell, each with the names in the brackets behind it. */
export function filesIn(cell: string): { path: string; names: string[] }[] {
  return [...cell.matchAll(/`([\w/.-]+\.\w+)`(?: \(([^)]*)\))?/g)].map(
    ([, path = '', names = '']) => ({
      path,
      names: [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    }),
  );
}
