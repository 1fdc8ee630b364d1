import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeJson,
  Failure,
  headerNames,
  type LogRecord,
  type NewRecord,
  type ObjectStore,
  silentLogger,
} from "@thulium-stream/contracts";
import { realClock } from "@thulium-stream/kit/real-servers";
import { afterEach, describe, expect, it } from "vitest";
import { ClaimingReader } from "./claiming-reader.ts";
import { Claims } from "./claims.ts";
import { openEmbeddedLog } from "./embedded/embedded-log.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** What the claim check needs of an object store. */
function objects() {
  const held = new Map<string, Uint8Array>();
  const store = {
    putIfAbsent: async (key: string, body: Uint8Array) => {
      held.set(key, body);
      return "created";
    },
    get: async (key: string) => held.get(key) ?? null,
  } as unknown as ObjectStore;
  return { held, claims: new Claims(async () => store) };
}

const record = (key: string, text: string): NewRecord => ({
  topic: "tickets",
  key,
  value: Buffer.from(JSON.stringify(text)),
  headers: { ce_id: "1" },
});
const isLong = ({ value }: NewRecord) => (value?.byteLength ?? 0) > 100;
const asRead = (written: NewRecord, position: number): LogRecord => ({
  ...written,
  partition: 0,
  position,
  headers: written.headers ?? {},
  appendedAtMs: 0,
});

describe("the claim check", () => {
  it("stores what is too large under system, ticket and hash, and gives it back whole", async () => {
    const { held, claims } = objects();
    const body = "zażółć ".repeat(100);
    const batch = [record("acme:7", body), record("acme:8", "short")];
    const [large, small] = await claims.deposit(batch, isLong);
    expect(small).toBe(batch[1]);
    const [key = ""] = [...held.keys()];
    expect(key).toMatch(/^claims\/acme\/7\/[0-9a-f]{64}$/);
    expect(large?.headers).toEqual({ ce_id: "1", [headerNames.dataRef]: key });
    expect(JSON.parse(Buffer.from(large?.value ?? "").toString())).toEqual({
      dataref: key,
      bytes: batch[0]?.value?.byteLength,
      sha256: key.slice(-64),
    });
    const whole = await claims.redeem(asRead(large as NewRecord, 3));
    expect(decodeJson(whole)).toBe(body);
    expect(whole.headers).toEqual({ ce_id: "1" });
  });

  it("passes a claim whose body is gone or another as it is, and decoding says where the body should be", async () => {
    const { held, claims } = objects();
    const [large] = await claims.deposit([record("acme:7", "x".repeat(200))], isLong);
    const read = asRead(large as NewRecord, 3);
    for (const spoil of [
      () => held.set([...held.keys()][0] ?? "", Buffer.from("another")),
      () => held.clear(),
    ]) {
      spoil();
      expect(await claims.redeem(read)).toBe(read);
    }
    expect(() => decodeJson(read)).toThrow(/tickets\[0\]@3 has its body .*claims\/acme\/7\//);
  });

  it("never reads another object than a claim, whatever a foreign record says", async () => {
    const { held, claims } = objects();
    held.set("ticket_events/metadata.json", Buffer.from("{}"));
    for (const dataref of ["ticket_events/metadata.json", "claims/a/../b", "claims/a/b/../../c"]) {
      const value = Buffer.from(JSON.stringify({ dataref, bytes: 2, sha256: "0".repeat(64) }));
      const foreign = asRead(
        { ...record("acme:1", ""), value, headers: { ce_dataref: dataref } },
        0,
      );
      expect(await claims.redeem(foreign)).toBe(foreign);
    }
  });

  it("escapes ids that are no names of objects, and keeps systems apart", async () => {
    const { held, claims } = objects();
    const keys = ["acme:../../x", "..:7", "loose", "other:7:message"];
    await claims.deposit(
      keys.map((key) => record(key, "x".repeat(200))),
      isLong,
    );
    expect([...held.keys()].map((key) => key.slice(0, -65))).toEqual([
      "claims/acme/%2E%2E%2F%2E%2E%2Fx",
      "claims/%2E%2E/7",
      "claims/-/loose",
      "claims/other/7",
    ]);
  });

  it("delivers a batch of many large bodies in parts, and goes on after the store was away (L5)", async () => {
    const { claims } = objects();
    const body = Buffer.alloc(5 * 1024 * 1024, 97);
    const stored = await claims.deposit(
      Array.from({ length: 5 }, (_, n) => ({ ...record(`acme:${n}`, ""), value: body })),
      isLong,
    );
    const records = stored.map((one, n) => asRead(one, 10 + 2 * n));
    const batch = { kind: "batch", topic: "tickets", partition: 0, records } as const;
    let isAway = true;
    const redeem = claims.redeem.bind(claims);
    claims.redeem = async (one) => {
      if (!isAway) return redeem(one);
      isAway = false;
      throw new Failure("Unavailable", "the store is away");
    };
    const reader = new ClaimingReader(
      {
        next: async () => ({ ...batch, nextPosition: 30, endPosition: 40 }),
        pause: () => {},
        commit: async () => {},
        close: async () => {},
      },
      claims,
    );
    const next = async () =>
      (await reader.next({ timeoutMs: 1 })) as unknown as typeof batch & { nextPosition: number };
    await expect(next()).rejects.toMatchObject({ code: "Unavailable" });
    const parts = [await next(), await next(), await next()];
    expect(parts.map((part) => part.records.map(({ position }) => position))).toEqual([
      [10, 12],
      [14, 16],
      [18],
    ]);
    expect(parts.map(({ nextPosition }) => nextPosition)).toEqual([14, 18, 30]);
    expect(
      parts.every((part) => part.records.every(({ value }) => value?.length === body.length)),
    ).toBe(true);
  });

  it("lets the embedded log take records above its limit", async () => {
    const { held, claims } = objects();
    const folder = mkdtempSync(join(tmpdir(), "claims-"));
    folders.push(folder);
    let ids = 0;
    const newId = () => {
      ids += 1;
      return `id-${ids}`;
    };
    const options = { folder, clock: realClock, logger: silentLogger, newId };
    const log = await openEmbeddedLog({ ...options, claims });
    await log.ensureTopics([{ topic: "tickets", partitions: 1, cleanUp: { by: "compaction" } }]);
    const writer = await log.openWriter("w");
    const value = Buffer.alloc(33 * 1024 * 1024, 98);
    await writer.append([record("acme:1", "small"), { ...record("acme:2", ""), value }]);
    expect(held.size).toBe(1);
    const reader = await log.openReader({ topics: ["tickets"], startAt: "earliest" });
    const sizes: unknown[] = [];
    while (sizes.length < 2) {
      const delivery = await reader.next({ timeoutMs: 20_000 });
      if (delivery.kind === "batch")
        sizes.push(...delivery.records.map((one) => one.value?.length));
    }
    expect(sizes).toEqual([7, value.length]);
    await log.close();
  });
});
