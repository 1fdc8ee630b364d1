export { Failure, isFailure } from "@thulium-stream/contracts";
export * from "./follow-state.ts";
export * from "./handlers.ts";
export * from "./open-log.ts";
export { eventOf } from "./read-event.ts";
export * from "./subscribe.ts";
export * from "./subscriber-metrics.ts";
