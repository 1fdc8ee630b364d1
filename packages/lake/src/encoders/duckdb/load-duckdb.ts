/** The DuckDB client for Node. */
export type DuckdbModule = typeof import("@duckdb/node-api");

/** Loads DuckDB; null where no native binary fits this platform. */
export async function loadDuckdb(): Promise<DuckdbModule | null> {
  try {
    return await import("@duckdb/node-api");
  } catch {
    return null;
  }
}
