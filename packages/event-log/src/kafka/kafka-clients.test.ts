import { gzipSync } from "node:zlib";
import kafkajs, { CompressionTypes } from "kafkajs";
import { expect, it } from "vitest";
import "./kafka-clients.ts";

const codec = kafkajs.CompressionCodecs[CompressionTypes.GZIP]() as {
  compress: (encoder: { buffer: Buffer }) => Promise<Buffer>;
  decompress: (packed: Buffer) => Promise<Buffer>;
};

it.each([0, 1, 63, 64, 16_384, 5_000_000])("unpacks %i bytes to what was packed", async (bytes) => {
  const body = Buffer.alloc(bytes, "żółw ");
  const packed = await codec.compress({ buffer: body });
  expect((await codec.decompress(packed)).equals(body)).toBe(true);
});

it("unpacks a body of several members, whose end tells the size of the last alone", async () => {
  const packed = Buffer.concat([gzipSync("a".repeat(100_000)), gzipSync("b")]);
  expect((await codec.decompress(packed)).toString()).toBe(`${"a".repeat(100_000)}b`);
});

it("refuses what is no gzip, and what was cut", async () => {
  const packed = gzipSync("a".repeat(1000));
  await expect(codec.decompress(Buffer.from("no"))).rejects.toThrow();
  await expect(codec.decompress(packed.subarray(0, 12))).rejects.toThrow();
});
