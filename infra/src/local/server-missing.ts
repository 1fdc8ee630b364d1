/** Why a real server cannot be had on this machine, and what would help. */
export class ServerMissing extends Error {
  override readonly name = "ServerMissing";
  /** What was looked for and what was found, in words for the person at the terminal. */
  readonly reason: string;
  /** What to do about it, as one sentence. */
  readonly remedy: string;

  constructor(server: string, reason: string, remedy: string) {
    super(`No ${server}: ${reason} ${remedy}`);
    this.reason = reason;
    this.remedy = remedy;
  }
}
