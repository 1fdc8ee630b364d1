export * from "./object-store.ts";
export * from "./parquet-encoder.ts";
