import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaultyObjectStore, ManualClock } from "@thulium-stream/kit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openFileCache } from "./file-cache.ts";
import { createMemoryStore } from "./object-stores/memory/memory-store.ts";

let folder: string;
let clock: ManualClock;
let store: FaultyObjectStore;
let ids = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "file-cache-"));
  clock = new ManualClock();
  store = new FaultyObjectStore(createMemoryStore(), () => undefined, clock);
  for (const name of ["a", "b", "c", "d"]) await store.put(name, Buffer.alloc(100, name));
});
afterEach(() => rm(folder, { recursive: true }));

const open = (maxBytes = 250) =>
  openFileCache({ url: "s3://lake/x", store, folder, maxBytes, clock, newId: () => `id-${++ids}` });
const object = (key: string) => ({ key, bytes: 100 });
const reads = () => store.calls.flatMap(({ method, keys }) => (method === "get" ? keys : []));

it("downloads what is missing once, and gives paths in the order asked", async () => {
  const cache = open();
  const paths = await cache.pathsOf([object("b"), object("a")]);
  expect(await Promise.all(paths.map((path) => readFile(path, "utf8")))).toEqual([
    "b".repeat(100),
    "a".repeat(100),
  ]);
  expect(await open().pathsOf([object("a"), object("b")])).toEqual([paths[1], paths[0]]);
  expect(reads().sort()).toEqual(["a", "b"]);
});

it("stays below its bound: the copy longest unused goes first, never one that is wanted", async () => {
  const cache = open();
  await cache.pathsOf([object("a")]);
  await clock.advance(10_000);
  await cache.pathsOf([object("b")]);
  await clock.advance(10_000);
  await cache.pathsOf([object("a")]);
  await clock.advance(10_000);
  await cache.pathsOf([object("c")]);
  expect(await readdir(folder)).toHaveLength(2);
  await cache.pathsOf([object("a"), object("c")]);
  expect(reads()).toEqual(["a", "b", "c"]);
});

it("refuses more than it may hold before it reads anything", async () => {
  await expect(open().pathsOf([object("a"), object("b"), object("c")])).rejects.toMatchObject({
    code: "TooLarge",
    advice: expect.any(String),
  });
  expect(reads()).toEqual([]);
});

it("an object that is gone is Rejected, one of another size InvalidResponse, and neither is kept", async () => {
  await expect(open().pathsOf([object("none")])).rejects.toMatchObject({ code: "Rejected" });
  await expect(open().pathsOf([{ key: "a", bytes: 99 }])).rejects.toMatchObject({
    code: "InvalidResponse",
  });
  expect(await readdir(folder)).toEqual([]);
});

it("uses the objects of a folder where they are, and names one that is gone", async () => {
  const cache = openFileCache({
    url: `file:${folder}`,
    store,
    folder: "/nowhere",
    clock,
    newId: () => "",
  });
  await mkdir(join(folder, "t"));
  await writeFile(join(folder, "t/a.parquet"), "");
  expect(await cache.pathsOf([object("t/a.parquet")])).toEqual([join(folder, "t/a.parquet")]);
  await expect(cache.pathsOf([object("t/a.parquet"), object("t/b.parquet")])).rejects.toMatchObject(
    { code: "Rejected", message: expect.stringContaining("t/b.parquet") },
  );
});
