/** Writes a line of data to the standard output: with {@link note}, the one home of the console. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line for people to the standard error, so that the standard output stays data. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Whether the standard output is shown to a person. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}
