/** What the sandbox answers; the server only writes it out. */
export interface SandboxResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whole text, or pieces that are made as they are written (truth of any size). */
  readonly body: string | Iterable<string>;
  /** How long the answer is held back, in milliseconds. */
  readonly delayMs?: number;
  /** The connection is cut instead of answering. */
  readonly reset?: boolean;
}
