// A verification as text for people.
import type { Finding } from './finding.ts';
import type { Verification } from './verify.ts';

/** A line per invariant with its numbers, under each broken one its examples, and a last line. */
export function describeVerification(verification: Verification): string {
  const { findings, notArrived, writtenMeanwhile, tookMs } = verification;
  const width = Math.max(...findings.map(({ title }) => title.length));
  const lines = findings.flatMap((finding) => describeFinding(finding, width));
  for (const missing of notArrived) lines.push(`still missing after the wait: ${missing}`);
  if (writtenMeanwhile > 0) {
    lines.push(`${writtenMeanwhile} record(s) came into the log meanwhile`);
  }
  const broken = findings.filter(({ ok }) => !ok).length;
  const seconds = (tookMs / 1_000).toFixed(1);
  lines.push(
    broken === 0
      ? `all ${findings.length} invariants hold (verified in ${seconds} s)`
      : `${broken} of ${findings.length} invariants BROKEN (verified in ${seconds} s)`,
  );
  return lines.join('\n');
}

function describeFinding({ invariant, title, ok, numbers, breaches }: Finding, width: number) {
  const counted = Object.entries(numbers).map(([name, value]) => `${name} ${value}`);
  const verdict = (ok ? 'ok' : 'BREACH').padEnd(6);
  const more = breaches.count - breaches.examples.length;
  return [
    `${String(invariant).padEnd(2)} ${title.padEnd(width)}  ${verdict}  ${counted.join(', ')}`,
    ...breaches.examples.map((example) => `   - ${example}`),
    ...(more > 0 ? [`   - and ${more} more`] : []),
  ];
}
