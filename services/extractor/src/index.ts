export type { CensusResult } from "./census.ts";
export { ElectedExtractor } from "./elected-extractor.ts";
export * from "./extractor.ts";
export type { ExtractorOptions } from "./extractor-options.ts";
export { readExtractorState } from "./extractor-state.ts";
export type { StepPattern } from "./observation-context.ts";
export { erasureOfLetter } from "./remove-dead-letters.ts";
export * from "./source-contents.ts";
export { TicketIndex } from "./ticket-index.ts";
