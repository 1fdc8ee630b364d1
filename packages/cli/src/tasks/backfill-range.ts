import { Failure, type TaskRequest } from "@thulium-stream/contracts";

/** Options of `backfill`. */
export interface BackfillOptions {
  readonly from?: string;
  readonly to?: string;
  readonly queue: readonly string[];
  readonly estimate: boolean;
}

const form = /^\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?$/;

/** What `backfill` asks for. Pure. @throws Failure `InvalidSettings` naming the option, its value and the rule. */
export function backfillRequest({ from, to, queue, estimate }: BackfillOptions): TaskRequest {
  const createdFrom = from === undefined ? null : minuteOption("--from", from, "00:00");
  const createdTo = to === undefined ? null : minuteOption("--to", to, "23:59");
  if (createdFrom !== null && createdTo !== null && createdFrom > createdTo)
    throw new Failure("InvalidSettings", `--from ${from} lies after --to ${to}: swap them`);
  const wrong = queue.find((id) => !/^\d+$/.test(id));
  if (wrong !== undefined)
    throw new Failure(
      "InvalidSettings",
      `--queue ${JSON.stringify(wrong)} must be the number of a queue`,
    );
  return {
    kind: "backfill",
    created_from: createdFrom,
    created_to: createdTo,
    queue_ids: [...new Set(queue)],
    estimate_only: estimate,
  };
}

function minuteOption(option: string, text: string, time: string): string {
  const minute = text.length === 10 ? `${text} ${time}` : text;
  const at = new Date(`${minute.replace(" ", "T")}Z`);
  const exists =
    !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 16).replace("T", " ") === minute;
  if (form.test(text) && exists) return minute;
  throw new Failure(
    "InvalidSettings",
    `${option} ${JSON.stringify(text)} must be a day of the help desk's clock such as 2024-01-31, or a minute such as "2024-01-31 08:00"`,
  );
}

/** What a task is about, in a few words. */
export function wordsOfRequest(request: TaskRequest): string {
  if (request.kind !== "backfill")
    return {
      reread: "recent and open tickets",
      census: "deletes, by counting",
      repair: "tickets that differed",
    }[request.kind];
  const { created_from: from, created_to: to, queue_ids: queues } = request;
  const range = from === null && to === null ? "all tickets" : `${from ?? "…"} to ${to ?? "now"}`;
  if (queues.length === 0) return range;
  return `${range}, queue${queues.length > 1 ? "s" : ""} ${queues.join(", ")}`;
}
