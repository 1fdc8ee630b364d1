import { readFile, stat } from "node:fs/promises";
import { Failure, type ObjectBody } from "@thulium-stream/contracts";

/** All bytes of a body. @throws Failure `Rejected` when its file cannot be read. */
export async function bytesOf(body: ObjectBody): Promise<Uint8Array> {
  return body instanceof Uint8Array ? body : await reading(body.file, () => readFile(body.file));
}

/** How many bytes a body has. @throws Failure `Rejected` when its file cannot be read. */
export async function lengthOf(body: ObjectBody): Promise<number> {
  if (body instanceof Uint8Array) return body.byteLength;
  return (await reading(body.file, () => stat(body.file))).size;
}

/** Runs `read` on the local file of a body. @throws Failure `Rejected` naming the file. */
export async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new Failure("Rejected", `the file ${file} to be stored cannot be read`, { cause });
  }
}

/** What `copy` says when there is nothing to copy (O7). */
export function missingSource(key: string): Failure {
  return new Failure("Rejected", `${key} cannot be copied: there is no such object`);
}
