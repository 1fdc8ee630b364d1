export * from "./aggregates/aggregate.ts";
export { type VendorDifference, vendorReasons } from "./figures/vendor-difference.ts";
export * from "./metrics-engine.ts";
export * from "./metrics-view.ts";
export type { LakeFreshness } from "./pipeline/pipeline-status.ts";
export { registerMetrics } from "./register-metrics.ts";
export * from "./report.ts";
export { reportRange } from "./report-range.ts";
export { readMetricsSettings } from "./rules/metrics-settings.ts";
