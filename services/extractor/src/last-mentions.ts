import type { Job } from "./publisher.ts";

/** A job with those of its observations that are to be used. */
export interface MentioningJob<Row> {
  readonly job: Pick<Job, "deletedIds" | "unlistedIds">;
  readonly rows: readonly Row[];
}

/**
 * The same jobs in which each ticket is mentioned only by the last that speaks of it: as observed, deleted or unlisted. For an append that is made again after a doubt: if the first one happened, what is
 * held is already what the last mention says, and an earlier one would step back from it and forth again. Pure.
 */
export function lastMentions<
  Row extends { readonly ticket: { readonly ticket_id: string } },
  J extends MentioningJob<Row>,
>(jobs: readonly J[]): readonly J[] {
  const last = new Map<string, number>();
  jobs.forEach(({ job, rows }, at) => {
    for (const { ticket } of rows) last.set(ticket.ticket_id, at);
    for (const id of [...(job.deletedIds ?? []), ...(job.unlistedIds ?? [])]) last.set(id, at);
  });
  return jobs.map((each, at) => {
    const isLast = (id: string) => last.get(id) === at;
    const { deletedIds = [], unlistedIds = [] } = each.job;
    return {
      ...each,
      job: {
        ...each.job,
        deletedIds: deletedIds.filter(isLast),
        unlistedIds: unlistedIds.filter(isLast),
      },
      rows: each.rows.filter(({ ticket }) => isLast(ticket.ticket_id)),
    };
  });
}
