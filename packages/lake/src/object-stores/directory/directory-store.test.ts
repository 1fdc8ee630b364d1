import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { objectStoreConformance } from "@thulium-stream/kit/conformance";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDirectoryStore } from "./directory-store.ts";

let ids = 0;
const newId = () => `id-${process.pid}-${++ids}`;
const bytes = Uint8Array.of(1, 2, 3);

objectStoreConformance({
  name: "the directory store",
  makePlace: async () => {
    const root = await mkdtemp(join(tmpdir(), "directory-store-"));
    return {
      open: () => openDirectoryStore({ folder: join(root, "lake"), newId }),
      fileOf: async (body) => {
        await writeFile(join(root, "body"), body);
        return join(root, "body");
      },
      dispose: () => rm(root, { recursive: true }),
    };
  },
});

describe("the directory store", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "directory-store-"));
  });
  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  it("keeps each object as a plain file under its key, and no other file", async () => {
    await using store = await openDirectoryStore({ folder: root, newId });
    await store.put("tables/t/data/day=1/a.parquet", bytes);
    await store.putIfAbsent("tables/t/data/day=1/a.parquet", bytes);
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(["a.parquet"]);
  });

  it("names the object that is not there to be copied, and what tells more", async () => {
    await using store = await openDirectoryStore({ folder: root, newId });
    await expect(store.copy("tables/t/a", "snapshots/b")).rejects.toMatchObject({
      message: "tables/t/a is not there to be copied",
      advice: expect.stringContaining("lake verify"),
    });
  });

  it("removes folders that have become empty", async () => {
    await using store = await openDirectoryStore({ folder: root, newId });
    await store.put("a/b/c/1", bytes);
    await store.put("a/2", bytes);
    await store.delete(["a/b/c/1"]);
    expect(await readdir(join(root, "a"))).toEqual(["2"]);
    await store.delete(["a/2"]);
    expect(await readdir(root)).toEqual([".uploads"]);
  });

  it("shows nothing of its own files and lets nobody write among them", async () => {
    await using store = await openDirectoryStore({ folder: root, newId });
    await writeFile(join(root, ".uploads", "half"), bytes);
    for (const prefix of ["", ".up", ".uploads/"]) {
      for await (const entry of store.list(prefix)) expect(entry).toBeUndefined();
    }
    await expect(store.put(".uploads/a", bytes)).rejects.toMatchObject({ code: "InvalidSettings" });
  });

  it("clears at opening what a crash left a day ago, and nothing younger", async () => {
    await mkdir(join(root, ".uploads"));
    await writeFile(join(root, ".uploads", "old"), bytes);
    await writeFile(join(root, ".uploads", "young"), bytes);
    await utimes(join(root, ".uploads", "old"), 0, 0);
    await using _store = await openDirectoryStore({ folder: root, newId });
    expect(await readdir(join(root, ".uploads"))).toEqual(["young"]);
  });

  it("refuses a key that is a folder, or below a file, as Rejected and not as exists", async () => {
    await using store = await openDirectoryStore({ folder: root, newId });
    await store.put("a/b", bytes);
    const rejected = { code: "Rejected" };
    await expect(store.put("a", bytes)).rejects.toMatchObject(rejected);
    await expect(store.putIfAbsent("a", bytes)).rejects.toMatchObject(rejected);
    await expect(store.put("a/b/c", bytes)).rejects.toMatchObject(rejected);
    await expect(store.putIfAbsent("a/b/c", bytes)).rejects.toMatchObject(rejected);
  });

  it("refuses a path that is or lies below a file, or where no folder can be made, with advice", async () => {
    await writeFile(join(root, "file"), "");
    const noFolders = process.platform === "linux" ? ["/proc/no/such"] : [];
    for (const folder of [join(root, "file"), join(root, "file", "a", "b"), ...noFolders])
      await expect(openDirectoryStore({ folder, newId }), folder).rejects.toMatchObject({
        code: "InvalidSettings",
        advice: expect.stringContaining("another folder"),
      });
  });

  it.skipIf(process.getuid?.() === 0)(
    "refuses an unwritable folder as Forbidden with advice",
    async () => {
      await chmod(root, 0o500);
      await expect(openDirectoryStore({ folder: join(root, "x"), newId })).rejects.toMatchObject({
        code: "Forbidden",
        advice: expect.stringContaining("folder"),
      });
      await chmod(root, 0o700);
    },
  );
});
