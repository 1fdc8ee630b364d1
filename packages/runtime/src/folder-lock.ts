import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "@thulium-stream/contracts";

/** A held lock. */
export interface FolderLock {
  /** Lets go. Idempotent. */
  release(): void;
}

/**
 * Takes a folder for this process alone, creating it when missing. A lock left by a process that no longer
 * runs (also one killed, also before a reboot) is taken over: the file names the process and the moment it started.
 * @throws Failure `InvalidSettings` naming `setting`, the folder and the other process, when it is held or cannot be written.
 */
export function lockFolder(folder: string, setting: string): FolderLock {
  const file = join(folder, "lock");
  const mine = `${process.pid} ${startOf(process.pid) ?? "?"}\n`;
  try {
    mkdirSync(folder, { recursive: true });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      if (createExclusively(file, mine)) return { release: () => releaseIfMine(file, mine) };
      const held = readHolder(file);
      if (held !== null && isRunning(held)) {
        throw new Failure(
          "InvalidSettings",
          `${setting}=${folder} is in use by process ${held.pid}. Stop it, or give this one a folder of its own.`,
        );
      }
      if (held !== null) rmSync(file, { force: true });
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      "InvalidSettings",
      `${setting}=${folder} cannot be written: ${reasonOf(error)}. Choose a writable folder.`,
      {
        cause: error,
      },
    );
  }
  throw new Failure(
    "InvalidSettings",
    `${setting}=${folder} could not be locked. Remove ${file} if no process uses it.`,
  );
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

/** link(2) makes a complete file appear under its name or fails: a reader never sees half a lock. */
function createExclusively(file: string, content: string): boolean {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(temporary, content);
  try {
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readHolder(file: string): Holder | null {
  try {
    const [pid = "", startedAt = ""] = readFileSync(file, "utf8").trim().split(" ");
    return { pid: Number(pid), startedAt };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function isRunning({ pid, startedAt }: Holder): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  // Process ids are used again; the start moment tells a namesake from the holder where /proc has it.
  const now = startOf(pid);
  return now === null || startedAt === "?" || now === startedAt;
}

/** Moment a process started: boot id and clock ticks, from Linux's /proc; null elsewhere. A zombie is not running. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return "zombie";
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}

function releaseIfMine(file: string, mine: string): void {
  try {
    if (readFileSync(file, "utf8") === mine) rmSync(file, { force: true });
  } catch {
    // Gone already: nothing to let go of.
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
