export * from "./content-hash.ts";
export * from "./normalise-ticket.ts";
export * from "./php-query.ts";
export * from "./wall-clock.ts";
