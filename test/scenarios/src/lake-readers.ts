import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { silentLogger } from "@thulium-stream/contracts";
import { openLakeQuery, openObjectStore } from "@thulium-stream/lake";
import { lakeViews } from "@thulium-stream/lake-writer";
import { newId, systemClock } from "@thulium-stream/runtime";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type Checksums, checksumsOf, messageLine, ticketLine } from "./truth.ts";

/** The lake's views with local copies of their files. */
export interface LocalLake {
  readonly views: readonly {
    readonly name: string;
    readonly files: readonly string[];
    readonly columns: Parameters<typeof openLakeQuery>[0]["views"][number]["columns"];
  }[];
}

/** Brings what a reader of the lake would read to local files. `s3` as `openObjectStore` takes it. */
export async function fetchLake(url: string, s3: object = {}): Promise<LocalLake> {
  await using store = await openObjectStore({
    url,
    s3,
    clock: systemClock,
    logger: silentLogger,
    newId,
  });
  const folder = mkdtempSync(join(tmpdir(), "lake-read-"));
  const views = [];
  for (const { name, objects, columns } of await lakeViews(store)) {
    const files: string[] = [];
    for (const { key } of objects) {
      const path = join(folder, key);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, (await store.get(key)) ?? "");
      files.push(path);
    }
    views.push({ name, files, columns });
  }
  return { views };
}

/** Runs SQL by DuckDB. */
export async function queryLake(
  { views }: LocalLake,
  sql: string,
): Promise<readonly (readonly unknown[])[]> {
  await using lake = await openLakeQuery({ views });
  return (await lake.run(sql, { maxRows: 1_000_000 })).rows;
}

/** Checksums of the newest snapshot, read by DuckDB. */
export async function checksumsByDuckdb(lake: LocalLake): Promise<Checksums> {
  await using query = await openLakeQuery({ views: lake.views });
  const objects = async (name: string) => {
    const { columns, rows } = await query.run(`select * from ${name}`, { maxRows: 10_000_000 });
    return rows.map((row) =>
      Object.fromEntries(columns.map((column, at) => [column.name, row[at]])),
    );
  };
  return checksumsOf(
    (await objects("tickets")).map((row) => ticketLine(row as never)),
    (await objects("messages")).map((row) => messageLine(row as never)),
  );
}

/** Checksums of the newest snapshot, read by hyparquet: another implementation of the format, with nothing of ours in between. */
export async function checksumsByHyparquet({ views }: LocalLake): Promise<Checksums> {
  const objects = async (name: string) => {
    const rows: Record<string, unknown>[] = [];
    for (const path of views.find((view) => view.name === name)?.files ?? []) {
      const { buffer, byteOffset, byteLength } = await readFile(path);
      rows.push(
        ...(await parquetReadObjects({
          file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
          compressors,
        })),
      );
    }
    return rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [
          key,
          value instanceof Date ? value.toISOString() : value,
        ]),
      ),
    );
  };
  return checksumsOf(
    (await objects("tickets")).map((row) => ticketLine(row as never)),
    (await objects("messages")).map((row) => messageLine(row as never)),
  );
}
