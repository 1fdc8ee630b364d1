import { appendFile } from "node:fs/promises";
import { fileFailureOf } from "./draft-file.ts";

/** Lines are gathered to this many bytes before they are written (256 KB). */
const chunkBytes = 256 * 1024;

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
    let held = 0;
    const write = async (bytes: Uint8Array) => {
      if (bytes.length > 0) await appendFile(path, bytes);
    };
    try {
      for (const line of lines) {
        if (held + line.length + 1 > chunkBytes) {
          await write(this.#chunk.subarray(0, held));
          held = 0;
        }
        if (line.length + 1 > chunkBytes) {
          await write(line);
        } else {
          this.#chunk.set(line, held);
          held += line.length;
        }
        this.#chunk[held] = lineFeed;
        held += 1;
      }
      await write(this.#chunk.subarray(0, held));
    } catch (error) {
      throw fileFailureOf(error, `writing rows to ${path}`);
    }
  }
}
