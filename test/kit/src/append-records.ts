import type { EventLog, NewRecord } from "@thulium-stream/contracts";

/** Appends records in one batch, by a writer that is opened for it. */
export async function appendRecords(log: EventLog, records: readonly NewRecord[]): Promise<void> {
  const writer = await log.openWriter("w");
  await writer.append(records);
  await writer.close();
}
