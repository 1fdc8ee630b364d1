import type { Instant, Kind, Origin } from "@thulium-stream/contracts";
import type { ClosedRule } from "./compare-heads.ts";

/** What surrounds an observation. */
export interface ObservationContext extends ClosedRule {
  readonly observedAt: Instant;
  readonly origin: Origin;
  /** Lines of `system_comment` that tell a step; named groups `from` and `to`. */
  readonly stepPatterns: readonly StepPattern[];
}

/** A wording of the source's system comments. */
export interface StepPattern {
  readonly kind: Kind;
  readonly pattern: RegExp;
}
