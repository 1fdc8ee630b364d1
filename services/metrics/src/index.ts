export { type Aggregate, type Distribution, type Group, groups } from "./aggregate.ts";
export { createBusinessCalendar } from "./business-calendar.ts";
export * from "./metrics-engine.ts";
export * from "./metrics-view.ts";
export type { LakeFreshness } from "./pipeline/pipeline-status.ts";
export * from "./report.ts";
export type { TicketFigures } from "./ticket-figures.ts";
