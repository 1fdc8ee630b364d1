import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { chromium } from "./chromium.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "browser-"));
  vi.stubEnv("PATH", folder);
  vi.stubEnv("CHROMIUM", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function program(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
}

it("takes the browser that is named, else one on the PATH", async () => {
  const onPath = program("google-chrome");
  expect(await chromium()).toBe(onPath);
  const given = program("mine");
  vi.stubEnv("CHROMIUM", given);
  expect(await chromium()).toBe(given);
});

it("says what is missing and what helps", async () => {
  vi.spyOn(process, "getuid").mockReturnValue(1000);
  await expect(chromium()).rejects.toThrow(
    /None of chromium, .* is on the PATH\. Install Chromium/,
  );
  vi.stubEnv("CHROMIUM", join(folder, "nothing"));
  await expect(chromium()).rejects.toThrow(/CHROMIUM=.* is no program\. Install Chromium/);
});
