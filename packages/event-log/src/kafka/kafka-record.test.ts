import { describe, expect, it } from "vitest";
import { logRecordsOf } from "./kafka-record.ts";

const message = (over: object) => ({
  key: Buffer.from("k"),
  value: Buffer.from("v"),
  timestamp: "1234",
  attributes: 0,
  offset: "42",
  headers: {},
  ...over,
});

describe("logRecordsOf", () => {
  it("keeps key, bytes, position, time and headers", () => {
    const headers = { ce_id: Buffer.from("żółw") };
    expect(logRecordsOf("t", 3, [message({ headers })])).toEqual([
      {
        topic: "t",
        partition: 3,
        position: 42,
        key: "k",
        value: Buffer.from("v"),
        headers: { ce_id: "żółw" },
        appendedAtMs: 1234,
      },
    ]);
  });

  it("delivers whatever a foreign producer wrote: no key, a tombstone, a repeated or empty header (L8)", () => {
    const headers = { twice: [Buffer.from("a"), Buffer.from("b")], none: undefined };
    const [record] = logRecordsOf("t", 0, [message({ key: null, value: null, headers })]);
    expect(record).toMatchObject({ key: null, value: null, headers: { twice: "b", none: "" } });
  });
});
