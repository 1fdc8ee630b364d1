import { Failure } from "@thulium-stream/contracts";
import { HttpProblem } from "@thulium-stream/runtime";
import { boundsOf, rangeQuery } from "./http/query-schemas.ts";
import type { MetricsView } from "./metrics-view.ts";

/** The days that a report is about, by the rules of the HTTP API; the last 30 when nothing is asked. @throws Failure `InvalidSettings` naming the option and its rule. */
export function reportRange(
  asked: { readonly from?: string | undefined; readonly to?: string | undefined },
  view: Pick<MetricsView, "day">,
): { readonly from: string; readonly to: string } {
  const parsed = rangeQuery.pick({ from: true, to: true }).safeParse(asked);
  const [issue] = parsed.error?.issues ?? [];
  const refused = (field: string, rule: string) => {
    const value = asked[field as "from" | "to"];
    return new Failure(
      "InvalidSettings",
      `--${field}${value === undefined ? "" : ` ${value}`}: ${rule}`,
    );
  };
  if (!parsed.success) throw refused(String(issue?.path[0]), issue?.message ?? "is not valid");
  try {
    return boundsOf(parsed.data, view);
  } catch (error) {
    if (!(error instanceof HttpProblem) || error.broken === null) throw error;
    throw refused(error.broken.field, error.broken.rule);
  }
}
