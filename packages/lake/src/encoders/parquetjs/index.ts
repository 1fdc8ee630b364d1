export * from "./parquetjs-encoder.ts";
