import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { ColumnType } from "@thulium-stream/contracts";
import type { ParquetReader, ReadRow, ReadValue } from "./parquet-encoder.ts";

/**
 * Answers one line of JSON per line with a path (and a filter): the rows, integers as text and instants as microseconds. pyarrow's own conversion of instants is not
 * used: Python has none before year 1 and rounds to its own type.
 */
const script = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
def plain(a):
    t = a.type
    if pa.types.is_timestamp(t): return a.cast(pa.int64()).to_pylist()
    if pa.types.is_struct(t):
        parts = {f.name: plain(a.field(i)) for i, f in enumerate(t)}
        return [{k: v[i] for k, v in parts.items()} if a[i].is_valid else None for i in range(len(a))]
    if pa.types.is_list(t):
        values, offsets = plain(a.values), a.offsets.to_pylist()
        return [values[offsets[i]:offsets[i+1]] if a[i].is_valid else None for i in range(len(a))]
    return a.to_pylist()
def text(v):
    if v is None or isinstance(v, (bool, str)): return v
    if isinstance(v, int): return str(v)
    if isinstance(v, list): return [text(x) for x in v]
    return {k: text(x) for k, x in v.items()}
def rows(path, equals):
    table = pq.read_table(path, filters=None if equals is None else [(equals[0], "=", equals[1])])
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        columns[name] = text(plain(column.combine_chunks())) if column.num_chunks else []
    return [{n: columns[n][i] for n in columns} for i in range(table.num_rows)]
for line in sys.stdin:
    try:
        request = json.loads(line)
        print(json.dumps({"rows": rows(request["path"], request.get("equals"))}), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
`;

/** pyarrow as a {@link ParquetReader}; one Python process reads one file after the other. */
export interface PyarrowReader extends ParquetReader, AsyncDisposable {
  /** The rows whose column equals a text, found by pyarrow's own filter: it skips row groups whose bounds rule them out. */
  find(path: string, column: string, equals: string): Promise<readonly Record<string, unknown>[]>;
}

/** Starts the interpreter at `python`, which has pyarrow. Whoever opens the reader disposes of it. */
export function openPyarrowReader(python: string): PyarrowReader {
  const child = spawn(python, ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  const ask = async (request: object): Promise<readonly Record<string, unknown>[]> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("pyarrow's process has ended");
    const answer = JSON.parse(value) as { rows?: Record<string, unknown>[]; error?: string };
    if (answer.rows === undefined) throw new Error(`pyarrow: ${answer.error}`);
    return answer.rows;
  };
  const inTurn = (request: object) => {
    const answer = last.then(() => ask(request));
    last = answer.catch(() => {});
    return answer;
  };
  return {
    name: "pyarrow",
    read: async (path, columns) =>
      (await inTurn({ path })).map(
        (row) => fromPyarrow({ kind: "struct", fields: columns }, row) as ReadRow,
      ),
    find: (path, column, equals) => inTurn({ path, equals: [column, equals] }),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}

function fromPyarrow(type: ColumnType, value: unknown): ReadValue {
  if (value === null || value === undefined) return null;
  if (type === "integer" || type === "instant") return BigInt(value as string);
  if (typeof type === "string") return value as ReadValue;
  if (type.kind === "list")
    return (value as readonly unknown[]).map((item) => fromPyarrow(type.element, item));
  const row = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    type.fields.map((field) => [field.name, fromPyarrow(field.type, row[field.name])]),
  );
}
