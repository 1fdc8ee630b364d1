export * from "./php-query.ts";
export * from "./wall-clock.ts";
