/** What the figures can be filtered by. */
export const filterNames = ["queue", "category", "source", "agent", "status"] as const;
/** One of {@link filterNames}. */
export type FilterName = (typeof filterNames)[number];

/** All that a link leads to: it lives in the address, so that the same link shows the same. */
export interface View {
  readonly view: "overview" | "pipeline";
  /** Last so many days; null = `from` to `to`. */
  readonly days: number | null;
  readonly from: string | null;
  readonly to: string | null;
  /** Chosen values; an empty one means tickets without. */
  readonly where: Readonly<Partial<Record<FilterName, string>>>;
  /** What the table is grouped by. */
  readonly by: FilterName;
  readonly time: "calendar" | "business";
  /** Whether the backlog is drawn by what the table is grouped by. */
  readonly isSplit: boolean;
  /** The ticket whose figures are open. */
  readonly ticket: string | null;
}

/** Lengths that one button leads to, in days. */
export const presets = [7, 30, 90, 365] as const;

/** The view that the address names; what it does not name has its default. */
export function readView(): View {
  const address = new URLSearchParams(location.search);
  const [from, to] = [address.get("from"), address.get("to")];
  const where = filterNames.flatMap((name) => {
    const value = address.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const by = filterNames.find((name) => name === address.get("by")) ?? "queue";
  return {
    view: address.get("view") === "pipeline" ? "pipeline" : "overview",
    days: from !== null && to !== null ? null : Number(address.get("days") ?? 30) || 30,
    from,
    to,
    where: Object.fromEntries(where),
    by,
    time: address.get("time") === "business" ? "business" : "calendar",
    isSplit: address.get("split") === "true",
    ticket: address.get("ticket"),
  };
}

/** The address of a view, without what has its default. */
export function linkTo(view: View): string {
  const address = new URLSearchParams();
  if (view.view === "pipeline") address.set("view", "pipeline");
  if (view.days === null) {
    address.set("from", view.from ?? "");
    address.set("to", view.to ?? "");
  } else if (view.days !== 30) address.set("days", String(view.days));
  for (const [name, value] of Object.entries(view.where)) address.set(name, value);
  if (view.by !== "queue") address.set("by", view.by);
  if (view.time === "business") address.set("time", "business");
  if (view.isSplit) address.set("split", "true");
  if (view.ticket !== null) address.set("ticket", view.ticket);
  const text = address.toString();
  return text === "" ? location.pathname : `?${text}`;
}

/** The range of a view as the API asks for it. */
export function rangeOf({ days, from, to }: View): Readonly<Record<string, string>> {
  return days === null ? { from: from ?? "", to: to ?? "" } : { days: String(days) };
}

/** Length of a view's range in days. */
export function lengthOf({ days, from, to }: View): number {
  if (days !== null) return days;
  return Math.round((Date.parse(to ?? "") - Date.parse(from ?? "")) / 86_400_000) + 1 || 1;
}
