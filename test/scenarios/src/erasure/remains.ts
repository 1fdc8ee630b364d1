import { inflateRawSync } from "node:zlib";
import { type EventLog, silentLogger, type TopicName, topics } from "@thulium-stream/contracts";
import { openObjectStore } from "@thulium-stream/lake";
import { batchesToEnd, newId, systemClock } from "@thulium-stream/runtime";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

/** What may not be found any more: words as they stand in text. */
export interface Person {
  readonly customerId: string;
  readonly ticketIds: readonly string[];
  /** Address, subjects and bodies that nobody else has. */
  readonly words: readonly string[];
}

/** Where a word was found: a topic with its position, or an object. */
export type Remain = string;

/** Every record of every topic that says anything of a person, keys and headers included. */
export async function remainsOnLog(
  log: EventLog,
  person: Person,
): Promise<Readonly<Record<TopicName, readonly Remain[]>>> {
  const found = Object.fromEntries(topics.map(({ topic }) => [topic, [] as Remain[]]));
  for (const { topic } of topics)
    for await (const { records } of batchesToEnd(log, topic))
      for (const { key, value, headers, partition, position } of records) {
        const text = `${key}\n${JSON.stringify(headers)}\n${Buffer.from(value ?? []).toString()}`;
        const word = wordIn(text, person) ?? keyOf(key, person);
        const what = value === null ? "tombstone" : "record";
        if (word !== null) found[topic]?.push(`${what} ${partition}@${position}: ${word}`);
      }
  return found as Record<TopicName, Remain[]>;
}

/** Every object of the lake that says anything of a person: its key, its bytes as they are, and the rows of Parquet files. */
export async function remainsInLake(
  url: string,
  s3: object,
  person: Person,
): Promise<{ readonly objects: number; readonly found: readonly Remain[] }> {
  await using store = await openObjectStore({
    url,
    s3,
    clock: systemClock,
    logger: silentLogger,
    newId,
  });
  const found: Remain[] = [];
  let objects = 0;
  for await (const { key } of store.list("")) {
    objects += 1;
    const body = (await store.get(key)) ?? new Uint8Array();
    const texts = [
      person.ticketIds.some((id) => key.includes(`/${id}/`))
        ? `"ticket_id":"${person.ticketIds[0]}"`
        : "",
      Buffer.from(body).toString(),
      ...(key.endsWith(".parquet") ? await rowsOf(body) : []),
      ...(key.endsWith(".avro") ? blocksOf(body) : []),
    ];
    const isCut = key.endsWith(".avro");
    const short = person.words.map((word) => (isCut ? word.slice(0, boundLetters) : word));
    const word = texts
      .map((text) => wordIn(text, { ...person, words: short }))
      .find((each) => each !== null);
    if (word !== undefined) found.push(`${key}: ${word}`);
  }
  return { objects, found };
}

async function rowsOf(body: Uint8Array): Promise<readonly string[]> {
  const { buffer, byteOffset, byteLength } = body;
  const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  const rows = await parquetReadObjects({ file, compressors });
  return rows.map((row) =>
    JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value)),
  );
}

/** The inflated blocks of an Avro container file: the sync marker is its last 16 bytes, and each block begins with two variable-length numbers. */
function blocksOf(body: Uint8Array): readonly string[] {
  const bytes = Buffer.from(body);
  const sync = bytes.subarray(-16);
  const blocks: string[] = [];
  for (let at = bytes.indexOf(sync) + 16; at < bytes.length; at = bytes.indexOf(sync, at) + 16) {
    let from = at;
    for (let number = 0; number < 2; number += 1) {
      while ((bytes[from] ?? 0) >= 128) from += 1;
      from += 1;
    }
    blocks.push(inflateRawSync(bytes.subarray(from, bytes.indexOf(sync, at))).toString());
  }
  return blocks;
}

/** What bounds keep of a text: its beginning. */
const boundLetters = 24;

function wordIn(text: string, { customerId, ticketIds, words }: Person): string | null {
  const escaped = words.map((word) => JSON.stringify(word).slice(1, -1));
  const named = [
    new RegExp(`"customer_id\\\\*":\\s*\\\\*"?${customerId}\\b`),
    new RegExp(`"ticket_id\\\\*":\\s*\\\\*"?(${ticketIds.join("|")})\\b`),
  ];
  return (
    [...words, ...escaped].find((word) => text.includes(word)) ??
    named.map((pattern) => pattern.exec(text)?.[0]).find((match) => match !== undefined) ??
    null
  );
}

function keyOf(key: string | null, { ticketIds }: Person): string | null {
  return ticketIds.includes(key?.split(":")[1] ?? "") ? `key ${key}` : null;
}
