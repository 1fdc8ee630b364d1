import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { type Clock, type ObjectStore, silentLogger } from "@thulium-stream/contracts";
import { objectStoreConformance } from "@thulium-stream/kit/conformance";
import { realServers } from "@thulium-stream/kit/real-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { probeConditionalPut } from "../probe-conditional-put.ts";
import { openS3Store } from "./s3-store.ts";

const { s3 } = realServers();
const bucket = `lake-store-${process.pid}-${Date.now()}`;
let places = 0;

/** The machine's clock; these tests talk to a real server. */
const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new Error("aborted"));
      });
    }),
};

describe.skipIf(s3 === null)("on a real S3 server", () => {
  const { endpoint = "", accessKeyId = "", secretAccessKey = "", region = "" } = s3 ?? {};
  const credentials = { accessKeyId, secretAccessKey };
  const settings = { endpoint, region, credentials };
  const client = new S3Client({ ...settings, forcePathStyle: true });
  const open = (prefix: string): Promise<ObjectStore> =>
    openS3Store({ ...settings, bucket, prefix, clock, logger: silentLogger });
  let folder: string;

  beforeAll(async () => {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    folder = await mkdtemp(join(tmpdir(), "s3-store-"));
  });
  afterAll(async () => {
    client.destroy();
    await rm(folder, { recursive: true });
  });

  objectStoreConformance({
    name: "the S3 store",
    makePlace: async () => {
      const prefix = `place-${++places}/lake`;
      return {
        open: () => open(prefix),
        fileOf: async (bytes) => {
          await writeFile(join(folder, "body"), bytes);
          return join(folder, "body");
        },
      };
    },
  });

  it("uses the whole bucket without a prefix, and its prefix only with one", async () => {
    await using whole = await open("");
    await using part = await open("/only/this/");
    await part.put("a", Uint8Array.of(1));
    expect(await whole.get("only/this/a")).not.toBeNull();
    await whole.put("only/this-not", Uint8Array.of(1));
    const keys: string[] = [];
    for await (const { key } of part.list("")) keys.push(key);
    expect(keys).toEqual(["a"]);
  });

  it("lists more keys than one page holds, once each, and deletes them all", async () => {
    await using store = await open("pages");
    const keys = Array.from({ length: 1_203 }, (_, index) => `k/${String(index).padStart(5, "0")}`);
    for (let from = 0; from < keys.length; from += 50)
      await Promise.all(
        keys.slice(from, from + 50).map((key) => store.put(key, new Uint8Array(1))),
      );
    const listed: string[] = [];
    for await (const { key } of store.list("k/")) listed.push(key);
    expect(listed).toEqual(keys);
    await store.delete(keys);
    for await (const { key } of store.list("")) expect(key).toBeUndefined();
  });

  it("uploads a file above 64 MB in parts, whole or not at all, and only if absent", async () => {
    await using store = await open("large");
    const file = join(folder, "large");
    const bytes = Buffer.alloc(70 * 1024 * 1024, "0123456789abcdefg");
    await writeFile(file, bytes);
    expect(await store.putIfAbsent("a", { file })).toBe("created");
    expect(Buffer.compare((await store.get("a")) ?? Buffer.alloc(0), bytes)).toBe(0);
    await truncate(file, 66 * 1024 * 1024);
    expect(await store.putIfAbsent("a", { file })).toBe("exists");
    expect((await store.get("a"))?.byteLength).toBe(bytes.length);
    await store.put("a", { file });
    expect((await store.get("a"))?.byteLength).toBe(66 * 1024 * 1024);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads).toEqual([]);
  });

  it("passes the probe of conditional puts", async () => {
    await using store = await open("probed");
    await probeConditionalPut(store, () => "x");
  });

  it.each([
    ["a missing bucket", { bucket: "no-such-bucket-here" }, "Rejected", "Create the bucket"],
    [
      "an unknown key",
      { credentials: { accessKeyId: "nobody", secretAccessKey: "x" } },
      "Unauthenticated",
      "AWS_ACCESS_KEY_ID",
    ],
    [
      "a wrong secret",
      { credentials: { accessKeyId, secretAccessKey: "wrong" } },
      "Unauthenticated",
      "AWS_SECRET_ACCESS_KEY",
    ],
    ["nobody listening", { endpoint: "http://127.0.0.1:9" }, "Unavailable", "S3_ENDPOINT"],
  ])("%s fails at opening, with advice", async (_, wrong, code, advice) => {
    const options = { ...settings, bucket, prefix: "", clock, logger: silentLogger, ...wrong };
    await expect(openS3Store(options)).rejects.toMatchObject({
      code,
      advice: expect.stringContaining(advice),
    });
  });
});
