export * from "./embedded-log.ts";
