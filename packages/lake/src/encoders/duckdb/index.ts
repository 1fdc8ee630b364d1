export * from "./duckdb-encoder.ts";
export * from "./load-duckdb.ts";
export * from "./parquet-rewriter.ts";
