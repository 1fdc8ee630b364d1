/** Distribution of one duration in seconds. */
export interface Distribution {
  readonly count: number;
  readonly p50_s: number | null;
  readonly p90_s: number | null;
}

/** Aggregates of a stretch of time. */
export interface Aggregate {
  readonly created: number;
  readonly closed: number;
  readonly backlog: number;
  readonly reopened: number;
  readonly first_response: Distribution;
  readonly first_response_business: Distribution;
  readonly resolution: Distribution;
  readonly resolution_business: Distribution;
}

/** What the page reads of the API. */
export interface Answers {
  readonly summary: {
    readonly total: Aggregate;
    readonly groups: readonly ({ readonly key: readonly (string | null)[] } & Aggregate)[];
  };
  readonly timeseries: {
    readonly points: readonly ({ readonly label: string; readonly from_ms: number } & Aggregate)[];
  };
  readonly heatmap: { readonly created: readonly (readonly number[])[] };
  readonly tickets: {
    readonly tickets: readonly {
      readonly ticket_id: string;
      readonly subject: string | null;
      readonly queue: string | null;
      readonly status: string | null;
      readonly agent: string | null;
      readonly created_at: string;
    }[];
  };
  readonly freshness: {
    readonly as_of: string;
    readonly lag_s: number;
  };
  readonly filters: { readonly queue: readonly string[] };
  readonly pipeline: { readonly source_url: string | null };
}

/** Asks the API. @throws Error with the problem's own words. */
export async function ask<K extends keyof Answers>(
  what: K,
  query: Readonly<Record<string, string>> = {},
): Promise<Answers[K]> {
  const response = await fetch(`api/v1/${what}?${new URLSearchParams(query)}`);
  if (response.ok) return (await response.json()) as Answers[K];
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new Error(problem.detail ?? `${response.status}`);
}
