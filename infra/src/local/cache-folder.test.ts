import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cached } from "./cache-folder.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cache-folder-"));
  vi.stubEnv("XDG_CACHE_HOME", home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

const names = () => readdirSync(join(home, "thulium-stream"));

describe("cached", () => {
  it("leaves nothing behind when filling fails, so that the next call fills again", async () => {
    const interrupted = cached("jars", async (folder) => {
      writeFileSync(join(folder, "half"), "");
      throw new Error("interrupted");
    });
    await expect(interrupted).rejects.toThrow("interrupted");
    expect(names()).toEqual([]);

    const folder = await cached("jars", async (draft) => writeFileSync(join(draft, "whole"), ""));
    expect(readdirSync(folder)).toEqual(["whole"]);
  });

  it("lets the first of two racing fills win and gives its folder to both", async () => {
    const fill = async (folder: string) => writeFileSync(join(folder, "whole"), "");
    const [one, two] = await Promise.all([cached("jars", fill), cached("jars", fill)]);
    expect(one).toBe(two);
    expect(existsSync(join(one, "whole"))).toBe(true);
    expect(names()).toEqual(["jars"]);
  });
});
