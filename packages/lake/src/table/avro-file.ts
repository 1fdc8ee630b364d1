import { createHash } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { deflateRawSync } from "node:zlib";
import avro from "avsc";

/** Avro longs: numbers while they are exact, else bigints. */
const longType = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => {
    const value = bytes.readBigInt64LE();
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  },
  toBuffer: (value: number | bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: (value: number) => value,
  toJSON: (value: number | bigint) => Number(value),
  isValid: (value: unknown) => typeof value === "bigint" || Number.isSafeInteger(value),
  compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const headerType = avro.Type.forSchema({
  type: "record",
  name: "header",
  fields: [
    { name: "magic", type: { type: "fixed", name: "magic", size: 4 } as never },
    { name: "meta", type: { type: "map", values: "bytes" } },
    { name: "sync", type: { type: "fixed", name: "sync", size: 16 } as never },
  ],
});

const plainLong = avro.Type.forSchema("long");

/**
 * Bytes of an Avro object container file of one block. The schema object is written as it is, attributes such as `field-id` included, which avsc's own encoder
 * drops once longs are read exactly.
 */
export function encodeAvro(
  schema: object,
  records: readonly object[],
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const type = typeOf(schema);
  const data = deflateRawSync(Buffer.concat(records.map((record) => type.toBuffer(record))));
  const text = JSON.stringify(schema);
  const sync = createHash("md5").update(data).update(text).digest();
  const entries = { ...metadata, "avro.schema": text, "avro.codec": "deflate" };
  const meta = Object.fromEntries(
    Object.entries(entries).map(([name, value]) => [name, Buffer.from(value)]),
  );
  return Buffer.concat([
    headerType.toBuffer({ magic: Buffer.from("Obj\u0001"), meta, sync }),
    plainLong.toBuffer(records.length),
    plainLong.toBuffer(data.length),
    data,
    sync,
  ]);
}

/** Records of an Avro object container file. @throws Error when it is none, or is cut short within a block. */
export async function decodeAvro(bytes: Uint8Array): Promise<readonly Record<string, unknown>[]> {
  checkEnd(bytes);
  const decoder = new avro.streams.BlockDecoder({ parseHook: typeOf as never });
  const records: Record<string, unknown>[] = [];
  decoder.on("data", (record: Record<string, unknown>) => records.push(record));
  const ended = once(decoder, "end");
  Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)]).pipe(decoder);
  await ended;
  return records;
}

/** Each block ends with the mark that the header ends with. A decoder takes what is cut short for a file with fewer records, none maybe. */
function checkEnd(bytes: Uint8Array): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { value, offset } = headerType.decode(buffer, 0) as {
    value?: { readonly sync: Buffer };
    offset: number;
  };
  if (value === undefined || offset < 0) throw new Error("its header is cut short");
  if (!buffer.subarray(-value.sync.length).equals(value.sync)) throw new Error("it is cut short");
}

/** Types by the text of their schema: making one costs more than reading a file of a few records. */
const knownTypes = new Map<string, avro.Type>();
/** A lake has two schemas a table; other engines add theirs. */
const mostKnownTypes = 64;

function typeOf(schema: object): avro.Type {
  const text = JSON.stringify(schema);
  const known = knownTypes.get(text);
  if (known !== undefined) return known;
  const typeHook = (part: unknown) => {
    const name = typeof part === "string" ? part : (part as { type?: unknown }).type;
    return name === "long" ? longType : undefined;
  };
  const type = avro.Type.forSchema(schema as never, { typeHook: typeHook as never });
  if (knownTypes.size >= mostKnownTypes) knownTypes.clear();
  knownTypes.set(text, type);
  return type;
}
