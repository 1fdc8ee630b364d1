import { copyFile, mkdir, open, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { ObjectBody } from "@thulium-stream/contracts";
import { reading } from "../object-body.ts";
import { systemCode } from "./failures.ts";

/** Writes `body` to a new file at `path` and waits until the medium has it. */
export async function writeDurably(path: string, body: ObjectBody): Promise<void> {
  if (!(body instanceof Uint8Array)) {
    // A missing source is the caller's fault, a failing copy is the disk's: told apart by opening the source first.
    await (await reading(body.file, () => open(body.file, "r"))).close();
    await copyFile(body.file, path);
  }
  const file = await open(path, body instanceof Uint8Array ? "wx" : "r+");
  try {
    if (body instanceof Uint8Array) await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Creates `folder` with its parents, each entry durable in its own parent. (Node's own recursive mkdir never returns
 * where a file system answers ENOENT to every mkdir, as /proc does.)
 */
export async function makeFolderDurably(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (systemCode(error) === "EEXIST" && (await stat(folder)).isDirectory()) return;
    const parent = dirname(folder);
    if (systemCode(error) !== "ENOENT" || parent === folder) throw error;
    await makeFolderDurably(parent);
    await mkdirUnlessThere(folder);
  }
  await syncFolder(dirname(folder));
}

/** Another process may make the same folder at the same time. */
async function mkdirUnlessThere(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}

/** Waits until the medium has the folder's entries. A folder that is gone by now needs none. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Some file systems (network mounts, Windows) cannot sync a folder; they make entries durable by themselves.
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "EINVAL" && code !== "EISDIR" && code !== "ENOTSUP")
      throw error;
  }
}

/** Removes a file; one that is not there is no error. Returns whether it was there. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}
