import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectStore } from "@thulium-stream/contracts";
import { openFileCache } from "@thulium-stream/lake";
import {
  compactLake,
  expireLake,
  type MaintenanceDeps,
  verifyLake,
} from "@thulium-stream/lake-writer";
import { openLakeWriter } from "@thulium-stream/lake-writer/main";
import { exitCodes, Lifetime, newId } from "@thulium-stream/runtime";
import { openEncoders, openLakeForCommits } from "../assembly/open-lake.ts";
import { openLog } from "../assembly/open-log.ts";
import { holdStateFolder } from "../assembly/pipeline.ts";
import { type ProcessContext, processContext } from "../process-context.ts";
import { note, print } from "../terminal/console.ts";
import { grouped, sizeText } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";

/** Runs work over the lake with a temporary folder of its own, so that it may run beside a lake writer. */
async function withWorkshop<T>(
  store: ObjectStore,
  { settings, clock, logger }: ProcessContext,
  work: (deps: MaintenanceDeps) => Promise<T>,
): Promise<T> {
  const tempFolder = await mkdtemp(join(tmpdir(), "thulium-stream-lake-"));
  const folder = join(tempFolder, "cache");
  const cache = openFileCache({ url: settings.LAKE_URL, store, folder, clock, newId });
  try {
    return await work({ store, cache, tempFolder, clock, logger, newId });
  } finally {
    await rm(tempFolder, { recursive: true, force: true });
  }
}

/** `lake compact`: small files of the append tables together, now. */
export async function compactNow(
  store: ObjectStore,
  context: ProcessContext,
  signal: AbortSignal,
): Promise<void> {
  const done = await withWorkshop(store, context, (deps) => compactLake(deps, signal));
  print(
    renderTable(
      ["table", "files before", "files after", "written"],
      done.map(({ table, filesBefore, filesAfter, bytes }) => [
        table,
        filesBefore,
        filesAfter,
        sizeText(bytes),
      ]),
      ["written"],
    ),
  );
}

/** `lake expire`: old states, orphans and snapshot folders, now. */
export async function expireNow(
  store: ObjectStore,
  context: ProcessContext,
  signal: AbortSignal,
): Promise<void> {
  const retainSnapshotsMs = context.settings.SNAPSHOT_RETAIN;
  const { tables, folders } = await withWorkshop(store, context, (deps) =>
    expireLake(deps, { retainSnapshotsMs }, signal),
  );
  print(
    renderTable(
      ["table", "states forgotten", "objects removed"],
      tables.map(({ table, snapshots, objects }) => [table, snapshots, objects]),
    ),
  );
  for (const folder of folders) print(`removed ${folder}`);
}

/** `lake verify`: returns the exit code, 3 when something is not as the lake says. */
export async function verifyLakeNow(
  store: ObjectStore,
  context: ProcessContext,
  options: { readonly quick: boolean; readonly json: boolean; readonly signal: AbortSignal },
): Promise<number> {
  const { quick, json, signal } = options;
  const verdict = await withWorkshop(store, context, ({ cache }) =>
    verifyLake({ store, cache: quick ? null : cache, signal }),
  );
  if (json) print(JSON.stringify(verdict));
  else {
    const { tables, states, snapshots, files, rows, faults } = verdict;
    for (const { where, what } of faults) print(`${where} ${what}`);
    const verdictText =
      faults.length === 0
        ? "as stated"
        : `${grouped(faults.length)} ${faults.length === 1 ? "fault" : "faults"}`;
    print(
      `${grouped(tables)} tables with ${grouped(states)} states, ${grouped(snapshots)} snapshots, ${grouped(files)} files, ${grouped(rows)} rows: ${verdictText}`,
    );
    if (tables + snapshots === 0)
      note(`nothing is in ${context.settings.LAKE_URL} yet: is this the lake that was meant?`);
  }
  return verdict.faults.length === 0 ? exitCodes.done : exitCodes.differences;
}

/** `lake snapshot`: the current state as of now into a folder of its own. */
export async function snapshotNow(signal: AbortSignal): Promise<void> {
  const { settings, clock, logger } = processContext({ source: false });
  await using life = new Lifetime(logger);
  const store = await openLakeForCommits(settings, clock, logger, life);
  holdStateFolder(settings, life);
  const log = await openLog(settings, clock, logger, life);
  const writer = await openLakeWriter(
    settings,
    { log, store, clock, logger, ...(await openEncoders(settings, life)) },
    life,
  );
  const { at, tickets, messages, files } = await writer.writeSnapshot(signal);
  print(
    `snapshot at ${at}: ${grouped(tickets)} tickets, ${grouped(messages)} messages, ${grouped(files)} files`,
  );
}
