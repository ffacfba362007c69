// The table of what was done and what came of it.
import type { ScenarioReport } from './run-scenario.ts';

const HEAD = ['accepted', 'verifier', 'longest pause', 'success after', 'lag 0 after', 'took'];

/** A line per scenario; times in seconds, the two in the middle from the end of the fault on. */
export function formatReports(reports: readonly ScenarioReport[]): string {
  const rows = [['fault', ...HEAD], ...reports.map(cellsOf)];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row.map((cell, column) => pad(cell, widths[column] ?? 0, column === 0)).join('  '),
    )
    .join('\n');
}

function pad(cell: string, width: number, isLeft: boolean): string {
  return isLeft ? cell.padEnd(width) : cell.padStart(width);
}

function cellsOf(report: ScenarioReport): string[] {
  const { name, accepted, expected, findings, pauseS, successS, lagS, problems, tookS } = report;
  const broken = findings?.filter(({ ok }) => !ok).map(({ invariant }) => invariant) ?? [];
  const isGood = problems.length === 0;
  const clean = isGood ? `all ${findings?.length ?? 0} hold` : 'FAILED';
  return [
    name,
    `${accepted}/${expected}`,
    broken.length === 0 ? clean : `${isGood ? 'found' : 'BROKEN'}: ${broken.join(' ')}`,
    ...[pauseS, successS, lagS].map((seconds) => seconds?.toFixed(1) ?? '-'),
    tookS.toFixed(0),
  ];
}
