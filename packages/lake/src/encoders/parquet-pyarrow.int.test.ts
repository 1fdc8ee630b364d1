import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, ParquetEncoder } from "@thulium-stream/contracts";
import {
  openPyarrowReader,
  type PyarrowReader,
  parquetEncoderConformance,
} from "@thulium-stream/kit/conformance";
import { realServers } from "@thulium-stream/kit/real-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDuckdbEncoder } from "./duckdb/duckdb-encoder.ts";
import { createParquetjsEncoder } from "./parquetjs/parquetjs-encoder.ts";

const { python } = realServers();
let ids = 0;
const newId = () => `id-${++ids}`;

describe.skipIf(python === null)("read back by pyarrow", () => {
  let pyarrow: PyarrowReader;
  beforeAll(() => {
    pyarrow = openPyarrowReader(python ?? "");
  });
  afterAll(() => pyarrow[Symbol.asyncDispose]());
  // Made by beforeAll, which runs after the suites below are declared.
  const reader = {
    name: "pyarrow",
    read: (path: string, columns: readonly Column[]) => pyarrow.read(path, columns),
  };

  parquetEncoderConformance({
    name: "the parquetjs-lite encoder",
    makeEncoder: async () => createParquetjsEncoder({ newId }),
    readers: [reader],
  });

  parquetEncoderConformance({
    name: "the DuckDB encoder",
    makeEncoder: (folder) => createDuckdbEncoder({ tempFolder: folder, newId }),
    readers: [reader],
  });

  const encoders: [string, (folder: string) => Promise<ParquetEncoder>][] = [
    ["parquetjs-lite", async () => createParquetjsEncoder({ newId, rowGroupRows: 2 })],
    ["DuckDB", (folder) => createDuckdbEncoder({ tempFolder: folder, newId })],
  ];
  it.each(encoders)(
    "a filter finds every row in files of %s: no bound hides one",
    async (_, open) => {
      const folder = await mkdtemp(join(tmpdir(), "pyarrow-filter-"));
      const path = join(folder, "a.parquet");
      const encoder = await open(folder);
      const file = await encoder.open(path, [{ id: 1, name: "t", type: "text", doc: "" }]);
      // In UTF-16 order the last is below the one before it, in bytes above.
      const texts = ["a", "z", "\ufffd", "😀", "ż"];
      await file.append(texts.map((t) => Buffer.from(JSON.stringify({ t }))));
      await file.close();
      await encoder.close();
      for (const t of texts) expect(await pyarrow.find(path, "t", t), t).toEqual([{ t }]);
      await rm(folder, { recursive: true });
    },
  );
});
