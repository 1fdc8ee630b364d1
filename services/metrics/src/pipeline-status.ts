/** How the rest of the pipeline is, as the dashboard shows it. Instants are ISO 8601 text. */
export interface PipelineStatus {
  /** Where the help desk's own pages are; null for the sandbox. */
  readonly sourceUrl: string | null;
  /** Every change of the source up to here is on the log. */
  readonly sealed: string | null;
  /** What is held equals what the source listed then or later, silent changes and deletes included, holes excepted. */
  readonly agreedAsOf: string | null;
  /** The listing under way or the last one. */
  readonly listing: { readonly done: number; readonly expected: number } | null;
  readonly backfillDoneAt: string | null;
  readonly ticketsHeld: number;
  readonly requests: number;
  readonly waitingUntil: string | null;
  readonly lastSweepAt: string | null;
  readonly deadLetters: number;
  readonly holes: number;
  readonly tables: readonly {
    readonly name: string;
    readonly rows: number;
    readonly lag: number;
    readonly committedAt: string | null;
  }[];
  readonly lastSnapshotAt: string | null;
}
