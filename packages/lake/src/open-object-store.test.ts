import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { expect, it } from "vitest";
import { openObjectStore, parseLakeUrl } from "./open-object-store.ts";

it.each([
  ["file:./data/lake", { kind: "directory", folder: "./data/lake" }],
  ["file:data/lake", { kind: "directory", folder: "data/lake" }],
  ["file:/srv/lake", { kind: "directory", folder: "/srv/lake" }],
  ["file:///srv/my%20lake", { kind: "directory", folder: "/srv/my lake" }],
  ["s3://bucket", { kind: "s3", bucket: "bucket", prefix: "" }],
  ["s3://my.bucket-1/a/b", { kind: "s3", bucket: "my.bucket-1", prefix: "a/b" }],
])("reads %s", (url, place) => {
  expect(parseLakeUrl(url)).toEqual(place);
});

it.each([
  "",
  "lake",
  "file:",
  "file://host/lake",
  "file:///%zz",
  "s3:bucket",
  "s3://",
  "s3://Bucket/a",
  "s3://b/a?x=1",
  "https://bucket/a",
  "gs://bucket",
])("refuses %j, naming LAKE_URL, the value and both forms", (url) => {
  expect(() => parseLakeUrl(url)).toThrowError(
    expect.objectContaining({
      code: "InvalidSettings",
      message: `LAKE_URL is ${JSON.stringify(url)}; it must be file:./folder or s3://bucket/prefix`,
    }),
  );
});

it("opens a folder that is not there yet, and names LAKE_URL when it cannot be one", async () => {
  const root = await mkdtemp(join(tmpdir(), "open-object-store-"));
  const deps = { clock: new ManualClock(), logger: silentLogger, newId: () => "id" };
  const store = await openObjectStore({ ...deps, url: `file:${root}/new/lake` });
  expect(await store.putIfAbsent("a", new Uint8Array(1))).toBe("created");
  await store[Symbol.asyncDispose]();
  await writeFile(join(root, "file"), "");
  const url = `file:${root}/file`;
  await expect(openObjectStore({ ...deps, url })).rejects.toMatchObject({
    code: "InvalidSettings",
    message: expect.stringContaining(`LAKE_URL=${url}: `),
  });
  await rm(root, { recursive: true });
});
