import type { ErasureList } from "@thulium-stream/contracts";
import { type LakeQuery, openLakeQuery } from "@thulium-stream/lake";
import type { RowKey } from "@thulium-stream/lake/duckdb";

/** What a Parquet file holds of what was erased. */
export interface ErasedRows {
  /** Keys of the rows; the same columns in each. */
  readonly keys: readonly RowKey[];
  /** Erasures that they fall under. */
  readonly erasures: ReadonlySet<string>;
  /** Tickets that they are of. */
  readonly ticketIds: ReadonlySet<string>;
}

const maxRows = Number.MAX_SAFE_INTEGER - 1;

/** Looks into Parquet files of any of our tables, by DuckDB: ids are hashed here, one by one, since only hashes of the erased ones are known. */
export class ErasedRowFinder implements AsyncDisposable {
  readonly #query: LakeQuery;
  readonly #list: ErasureList;

  private constructor(query: LakeQuery, list: ErasureList) {
    this.#query = query;
    this.#list = list;
  }

  /** @throws Failure `InvalidSettings` where this platform has no native binary of DuckDB. */
  static async open(list: ErasureList): Promise<ErasedRowFinder> {
    return new ErasedRowFinder(await openLakeQuery({ views: [] }), list);
  }

  /** The rows of a local file that fall under an erasure. `alsoTickets` counts tickets in whose customer the file does not name. */
  async in(
    path: string,
    alsoTickets: ReadonlyMap<string, string> = new Map(),
  ): Promise<ErasedRows> {
    const file = fileAt(path);
    const columns = await this.#columnsOf(file);
    const none: ErasedRows = { keys: [], erasures: new Set(), ticketIds: new Set() };
    if (!columns.has("ticket_id")) return none;
    const customer = customerOf(columns);
    const { rows } = await this.#query.run(
      `SELECT DISTINCT system, ticket_id, ${customer} FROM ${file}`,
      { maxRows },
    );
    const erasures = new Set<string>();
    const ticketIds = new Set<string>();
    const found: [string, string | null][] = [];
    for (const [system, id, customerId] of rows as (string | null)[][]) {
      if (system !== this.#list.system || id === null || id === undefined) continue;
      const erasure =
        this.#list.erasureOf({ ticketId: id, customerId: customerId ?? null }) ??
        alsoTickets.get(id);
      if (erasure === undefined) continue;
      erasures.add(erasure);
      ticketIds.add(id);
      found.push([id, customerId ?? null]);
    }
    if (found.length === 0) return none;
    // An event's row has an id of its own; a state's is known by its ticket, whose id another tenant may have, too.
    const keys = columns.has("id")
      ? await this.#eventKeys(file, customer, found)
      : [...ticketIds].map((ticket_id): RowKey => ({ system: this.#list.system, ticket_id }));
    return { keys, erasures, ticketIds };
  }

  /** How many rows a local file has. */
  async rowsIn(path: string): Promise<number> {
    const { rows } = await this.#query.run(`SELECT count(*) FROM ${fileAt(path)}`);
    return Number(rows[0]?.[0] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#query[Symbol.asyncDispose]();
  }

  async #columnsOf(file: string): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#query.run(
      `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${file})`,
      { maxRows },
    );
    return new Map(rows.map(([name, type]) => [String(name), String(type)]));
  }

  async #eventKeys(
    file: string,
    customer: string,
    found: readonly (readonly [string, string | null])[],
  ): Promise<readonly RowKey[]> {
    const pairs = found.map(([id, customerId]) => `(${text(id)}, ${text(customerId ?? "")})`);
    const { rows } = await this.#query.run(
      `SELECT id FROM ${file} WHERE system = ${text(this.#list.system)} AND (ticket_id, coalesce(${customer}, '')) IN (${pairs.join(", ")})`,
      { maxRows },
    );
    return rows.map(([id]): RowKey => ({ id: String(id) }));
  }
}

/** Where a file names the customer: in a column, in the head of an event, or nowhere. */
function customerOf(columns: ReadonlyMap<string, string>): string {
  if (columns.has("customer_id")) return "customer_id";
  return (columns.get("ticket") ?? "").includes("customer_id")
    ? "ticket.customer_id"
    : "CAST(NULL AS VARCHAR)";
}

function fileAt(path: string): string {
  return `read_parquet(${text(path)}, hive_partitioning = false)`;
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
