import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockFolder } from "./folder-lock.ts";

const folder = () => mkdtempSync(join(tmpdir(), "lock-"));

describe("lockFolder", () => {
  it("names the holder when the folder is in use", () => {
    const path = folder();
    const lock = lockFolder(path, "STATE_DIR");
    expect(() => lockFolder(path, "STATE_DIR")).toThrow(
      `STATE_DIR=${path} is in use by process ${process.pid}`,
    );
    lock.release();
    lockFolder(path, "STATE_DIR").release();
  });

  it("takes over from a process that is gone", () => {
    const path = folder();
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    writeFileSync(join(path, "lock"), `${gone} some-boot/1\n`);
    lockFolder(path, "STATE_DIR").release();
  });

  it("tells a reused process id from the holder", () => {
    const path = folder();
    writeFileSync(join(path, "lock"), `${process.pid} an-earlier-boot/1\n`);
    lockFolder(path, "STATE_DIR").release();
  });

  it("names the setting when the folder cannot be written", () => {
    const path = join(folder(), "file");
    writeFileSync(path, "");
    expect(() => lockFolder(join(path, "state"), "STATE_DIR")).toThrow(
      /STATE_DIR=.* cannot be written/,
    );
  });
});
