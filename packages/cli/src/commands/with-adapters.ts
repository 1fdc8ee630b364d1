import type { EventLog, ObjectStore } from "@thulium-stream/contracts";
import { Lifetime } from "@thulium-stream/runtime";
import { openLakeStore } from "../assembly/open-lake.ts";
import { openLog } from "../assembly/open-log.ts";
import { type ProcessContext, processContext } from "../process-context.ts";

/** Runs a command that reads the log. It needs no credentials of the source. */
export async function withLog(
  command: (log: EventLog, context: ProcessContext) => Promise<void>,
): Promise<void> {
  const context = processContext({ source: false });
  await using life = new Lifetime(context.logger);
  await command(await openLog(context.settings, context.clock, context.logger, life), context);
}

/** Runs a command that reads the lake. It needs no credentials of the source. */
export async function withLake(
  command: (store: ObjectStore, context: ProcessContext) => Promise<void>,
): Promise<void> {
  const context = processContext({ source: false });
  await using life = new Lifetime(context.logger);
  await command(
    await openLakeStore(context.settings, context.clock, context.logger, life),
    context,
  );
}

/** Runs a command that reads both. */
export async function withLogAndLake(
  command: (log: EventLog, store: ObjectStore, context: ProcessContext) => Promise<void>,
): Promise<void> {
  await withLog((log, context) => withLake((store) => command(log, store, context)));
}
