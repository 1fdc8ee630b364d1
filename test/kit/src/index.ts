export * from "./make-ticket.ts";
export * from "./manual-clock.ts";
