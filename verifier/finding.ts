// What the verifier found about one invariant.

export type Finding = {
  /** Its number in the list of invariants. */
  invariant: number;
  title: string;
  ok: boolean;
  /** What was counted, by name, in the order in which it is shown. */
  numbers: Record<string, number>;
  /** How often it is broken, and the first examples. */
  breaches: { count: number; examples: string[] };
};

/** Takes one breach of an invariant, in words. */
export type ReportBreach = (example: string) => void;

const MAX_EXAMPLES = 5;

/**
 * A finding by a check that reports each breach it meets. Only the first five are kept as examples:
 * a broken system can break an invariant a million times.
 */
export function findingOf(
  invariant: number,
  title: string,
  check: (breach: ReportBreach) => Record<string, number>,
): Finding {
  let count = 0;
  const examples: string[] = [];
  const numbers = check((example) => {
    count += 1;
    if (examples.length < MAX_EXAMPLES) examples.push(example);
  });
  return { invariant, title, ok: count === 0, numbers, breaches: { count, examples } };
}
