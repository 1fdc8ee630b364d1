export type { S3Credentials, S3Settings } from "./s3-connection.ts";
export * from "./s3-store.ts";
