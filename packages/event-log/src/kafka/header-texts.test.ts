import { createRequire } from "node:module";
import fc from "fast-check";
import type { KafkaMessage } from "kafkajs";
import { expect, it } from "vitest";
import { HeaderTexts } from "./header-texts.ts";
import { logRecordsOf } from "./kafka-record.ts";

const load = createRequire(import.meta.url);
const Decoder = load("kafkajs/src/protocol/decoder");
const decode = load("kafkajs/src/protocol/recordBatch/record/v0/decoder");
const encode = load("kafkajs/src/protocol/recordBatch/record/v0");

type Headers = Readonly<Record<string, string | readonly string[]>>;
interface Written {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Headers;
}

/** Records of one batch, as kafkajs decodes them. */
function decoded(records: readonly Written[]): KafkaMessage[] {
  const context = { firstOffset: "7", firstTimestamp: "1000" };
  const buffer = Buffer.concat(
    records.map((record, offsetDelta) =>
      Buffer.from(encode({ ...record, offsetDelta, timestampDelta: offsetDelta }).buffer),
    ),
  );
  const decoder = new Decoder(buffer);
  return records.map(() => {
    const length = decoder.readVarInt();
    const end = decoder.offset + length;
    const record = decode(decoder, context);
    decoder.offset = end;
    return record;
  });
}

const lastOf = (value: string | readonly string[]) =>
  typeof value === "string" ? value : (value.at(-1) ?? "");
const shown = ({ key, value, headers }: Written, at: number) => ({
  ...{ topic: "t", partition: 3, position: 7 + at, key, appendedAtMs: 1000 + at },
  value: value === null ? null : Buffer.from(value),
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, lastOf(text)])),
});

/** Few names and values, so that records share some and differ in others, in place and in length. */
const text = fc.constantFrom("", "a", "b", "ab", "ba", "żółw", "żółv", "x".repeat(70), "🎫");
const headers: fc.Arbitrary<Headers> = fc.dictionary(
  fc.constantFrom("ce_id", "ce_ie", "n", "ż", "toString", "n".repeat(80)),
  fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
);
const written = fc.record({
  key: fc.option(text.filter((key) => key !== "")),
  value: fc.option(text.filter((value) => value !== "")),
  headers,
});

it("reads of every record its own headers, whatever the record before it had", () => {
  fc.assert(
    fc.property(fc.array(written, { maxLength: 12 }), (records) => {
      expect(logRecordsOf("t", 3, decoded(records))).toEqual(records.map(shown));
    }),
  );
});

it("takes nothing over from a record of another batch that lies at the same place", () => {
  const one = { key: "k", value: "v", headers: { name: "one", same: "aa" } };
  const two = { key: "k", value: "v", headers: { name: "two", same: "aa" } };
  const records = [...decoded([one]), ...decoded([two]), ...decoded([one])];
  expect(logRecordsOf("t", 3, records).map((record) => record.headers["name"])).toEqual([
    "one",
    "two",
    "one",
  ]);
});

it("reads what a foreign producer may write: null as the empty text, and no more headers than there are bytes", () => {
  const read = (...bytes: readonly (number | string)[]) => {
    const buffer = Buffer.concat(
      bytes.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))),
    );
    return new HeaderTexts().read({ buffer, headersAt: 0 });
  };
  // Lengths are zigzag numbers: 1 stands for −1, which is null.
  expect(read(4, 2, "a", 1, 2, "b", 4, "xy")).toEqual({ a: "", b: "xy" });
  expect(read(100, 2, "a", 2, "x")).toEqual({ a: "x" });
});
