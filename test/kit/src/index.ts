export * from "./append-records.ts";
export * from "./faulty-object-store.ts";
export * from "./make-ticket.ts";
export * from "./manual-clock.ts";
export * from "./scripted-source.ts";
export * from "./virtual-clock.ts";
