import type { NewRecord } from "@thulium-stream/contracts";

/** A record inside a chunk: its place counts from the chunk's base position. */
export interface ChunkRecord {
  readonly step: number;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly appendedAtMs: number;
}

/** Records of one partition that were appended together, packed: small values would each take whole pages of the store. */
export interface Chunk {
  /** Positions that the chunk spans; after compaction more than it has records. */
  readonly span: number;
  readonly records: readonly ChunkRecord[];
}

/** Raw size at which a chunk is full. */
export const chunkBytes = 256 * 1024;

/** Packs: u32 span, u32 length of the JSON, JSON of everything but the values, then the values. The store compresses. */
export function encodeChunk({ span, records }: Chunk): Buffer {
  const meta = Buffer.from(
    JSON.stringify(
      records.map(({ step, key, value, headers, appendedAtMs }) => [
        step,
        key,
        value === null ? -1 : value.length,
        appendedAtMs,
        headers,
      ]),
    ),
  );
  const values = records.flatMap(({ value }) => (value === null ? [] : [value]));
  const head = Buffer.alloc(8);
  head.writeUInt32LE(span, 0);
  head.writeUInt32LE(meta.length, 4);
  return Buffer.concat([head, meta, ...values]);
}

/** Unpacks what {@link encodeChunk} packed. */
export function decodeChunk(buffer: Uint8Array): Chunk {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const metaEnd = 8 + view.getUint32(4, true);
  const text = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const meta = JSON.parse(text.toString("utf8", 8, metaEnd)) as [
    number,
    string,
    number,
    number,
    Record<string, string>,
  ][];
  let at = metaEnd;
  const records = meta.map(([step, key, length, appendedAtMs, headers]) => {
    const value = length < 0 ? null : buffer.subarray(at, at + length);
    at += Math.max(0, length);
    return { step, key, value, headers, appendedAtMs };
  });
  return { span: view.getUint32(0, true), records };
}

/** Splits the records of one partition into chunks of about {@link chunkBytes}. */
export function packChunks(records: readonly NewRecord[], appendedAtMs: number): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let open: ChunkRecord[] = [];
  let openBytes = 0;
  const close = () => {
    if (open.length > 0) chunks.push({ span: open.length, records: open });
    open = [];
    openBytes = 0;
  };
  for (const { key, value, headers = {} } of records) {
    open.push({ step: open.length, key, value, headers, appendedAtMs });
    openBytes += (value?.length ?? 0) + 200;
    if (openBytes >= chunkBytes) close();
  }
  close();
  return chunks;
}
