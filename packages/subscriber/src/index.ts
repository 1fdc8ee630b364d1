export * from "./subscribe.ts";
