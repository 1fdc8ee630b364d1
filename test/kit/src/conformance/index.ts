export * from "./event-log.ts";
export * from "./object-store.ts";
export * from "./parquet-encoder.ts";
export * from "./pyarrow-reader.ts";
