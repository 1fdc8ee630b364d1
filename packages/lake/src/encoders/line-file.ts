import { type FileHandle, open } from "node:fs/promises";
import { fileFailureOf } from "./draft-file.ts";

/** Lines are gathered to this many bytes before they are written (512 KB). */
const chunkBytes = 512 * 1024;

const lineFeed = 0x0a;

/** Rows as NDJSON files, in their order. */
export interface LineFiles {
  readonly paths: readonly string[];
  readonly rows: number;
  /** Of the longest line, its end included. */
  readonly longestLineBytes: number;
}

/** Writes lines to files through one buffer, however many files there are: nothing stays open and nothing waits in memory between two calls. */
export class LineAppender {
  readonly #chunk = Buffer.allocUnsafeSlow(chunkBytes);

  /** Appends to the file, made when missing. One call at a time. @throws Failure `Unavailable` when the disk is full, `Forbidden`; the file may then hold a part. */
  async append(path: string, lines: readonly Uint8Array[]): Promise<void> {
    try {
      const file = await open(path, "a");
      try {
        await this.#write(file, lines);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileFailureOf(error, `writing rows to ${path}`);
    }
  }

  async #write(file: FileHandle, lines: readonly Uint8Array[]): Promise<void> {
    let held = 0;
    for (const line of lines) {
      if (held + line.length + 1 > chunkBytes) {
        await file.appendFile(this.#chunk.subarray(0, held));
        held = 0;
      }
      if (line.length + 1 > chunkBytes) {
        await file.appendFile(line);
      } else {
        this.#chunk.set(line, held);
        held += line.length;
      }
      this.#chunk[held] = lineFeed;
      held += 1;
    }
    await file.appendFile(this.#chunk.subarray(0, held));
  }
}
