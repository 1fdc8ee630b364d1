/** A range of wall clock seconds, both ends inclusive. */
export interface WallRange {
  readonly fromS: number;
  readonly toS: number;
}

/** One sort key. */
export interface OrderKey {
  readonly by: "created" | "updated";
  readonly descending: boolean;
}

/** A request for tickets, understood and validated. */
export interface TicketQuery {
  readonly created: WallRange | null;
  readonly updated: WallRange | null;
  readonly order: readonly OrderKey[];
  readonly offset: number;
  readonly limit: number;
  readonly companyId: number | null;
  readonly customerId: number | null;
  /** Indices of the catalogue; −1 = unknown, so nothing matches. null = not asked for. */
  readonly user: number | null;
  readonly source: number | null;
  readonly queue: number | null;
  readonly category: number | null;
  readonly messageId: number | null;
  readonly statusIds: readonly number[] | null;
  /** Alternatives by field: OR inside a field, AND between fields. */
  readonly customFields: ReadonlyMap<string, readonly string[]> | null;
  readonly includeCustomFields: boolean;
}
