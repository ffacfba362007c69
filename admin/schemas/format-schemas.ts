// Subjects, schemas and what was done or found about them, for people.
import { formatTable } from '../format-table.ts';
import type { SubjectCheck } from './check-schemas.ts';
import type { SubjectEntry } from './list-subjects.ts';
import type { SubjectReport } from './register-schemas.ts';
import type { SubjectVersion } from './registry-api.ts';

/** A table: one line for each subject. */
export function formatSubjectList(subjects: readonly SubjectEntry[]): string {
  if (subjects.length === 0) return 'no subject: firstcome migrate registers them';
  return formatTable([
    ['SUBJECT', 'VERSIONS', 'IDS', 'COMPATIBILITY'],
    ...subjects.map(({ subject, versions, compatibility }) => [
      subject,
      versions.map(({ version }) => version).join(','),
      versions.map(({ id }) => id ?? '?').join(','),
      compatibility ?? 'not set',
    ]),
  ]);
}

/** A line with subject, version and id, and below it the schema as JSON. */
export function formatVersion({ subject, version, id, schema }: SubjectVersion): string {
  const text = JSON.stringify(JSON.parse(schema), undefined, 2);
  return `${subject} version ${version}, id ${id}\n${text}`;
}

/** A line for each subject: whether all is well, and every fault. */
export function formatChecks(checks: readonly SubjectCheck[]): string {
  return formatTable(
    checks.map(({ subject, state, faults }) => [
      faults.length === 0 ? 'ok' : 'FAULT',
      subject,
      [state, ...faults].join('; '),
    ]),
  );
}

/** A line for each subject: whether it was registered now. */
export function formatRegistrations(reports: readonly SubjectReport[]): string {
  return formatTable(
    reports.map(({ subject, kind, version, id }) => [
      kind === 'registered' ? 'registered' : 'existed before',
      subject,
      `version ${version}, id ${id}`,
    ]),
  );
}
