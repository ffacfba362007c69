// What a command prints: for people, or as one JSON document that can be piped.
import type { Command } from 'commander';

export type Output = {
  /** A line on what is going on: to stdout, or to stderr when stdout is for the JSON document alone. */
  progress(line: string): void;
  /** What came out: the value as JSON, or else the text. Once, at the end. */
  result(value: unknown, text: string): void;
};

/** Gives a command the option `--json`. */
export function withJsonOption(command: Command): Command {
  return command.option('--json', 'print the result as one JSON document, and nothing else');
}

/** @param json what `--json` was read as; undefined, it was not there */
export function createOutput({ json }: { json?: boolean | undefined }): Output {
  return json === true
    ? {
        progress: (line) => console.error(line),
        result: (value) => console.log(JSON.stringify(value, plainNumbers, 2)),
      }
    : {
        progress: (line) => console.log(line),
        result: (_value, text) => console.log(text),
      };
}

// Offsets are bigint, which JSON has not.
function plainNumbers(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
