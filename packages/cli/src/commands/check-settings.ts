import { type Clock, Failure, type Logger, silentLogger } from "@thulium-stream/contracts";
import { describeFailure, Lifetime, type Settings } from "@thulium-stream/runtime";
import { openLakeForCommits } from "../assembly/open-lake.ts";
import { openLog, tableOf } from "../assembly/open-log.ts";
import { openSource } from "../assembly/open-source.ts";
import { print } from "../terminal/console.ts";

/** Clock difference to the source above which a time zone or clock must be wrong. */
const skewLimitMs = 30_000;

/** Tries everything that the settings name, one by one, and tells about each. Returns whether all is well. */
export async function checkSettings(
  settings: Settings,
  clock: Clock,
  logger: Logger,
): Promise<boolean> {
  await using life = new Lifetime(logger);
  let allWell = true;
  let drift: readonly string[] = [];
  const attempt = async (what: string, trial: () => Promise<string>) => {
    try {
      print(`✓ ${what}: ${await trial()}`);
    } catch (error) {
      allWell = false;
      print(`✗ ${what}: ${describeFailure(error)}`);
    }
  };
  print(`✓ settings: system ${settings.system}, zone ${settings.THULIUM_TIME_ZONE}`);
  await attempt("source", async () => {
    if (settings.source.kind === "sandbox") return "the built-in sandbox";
    const { source, url } = await openSource(settings, { clock, logger, standStill: true }, life);
    const newest = await source.listTickets({ orderBy: "update_date", offset: 0, limit: 1 });
    const skewMs = newest.sourceDate === null ? 0 : clock.now() - Date.parse(newest.sourceDate);
    if (Math.abs(skewMs) > skewLimitMs)
      throw new Failure(
        "InvalidSettings",
        `our clock and the source's differ by ${Math.round(skewMs / 1000)} s`,
        { advice: "Set the clock that is wrong: all times are measured against it." },
      );
    return `${url} answers, ${newest.count} tickets, clocks agree`;
  });
  await attempt("event log", async () => {
    const log = await openLog(settings, clock, silentLogger, life);
    drift = await log.ensureTopics(tableOf(settings));
    return `${settings.EVENT_LOG_URL} works, ${(await log.ends("ticket-events")).length} partitions of ticket events`;
  });
  // Told, never mended: somebody may have wanted it so, and no change of a topic can be taken back.
  for (const line of drift) print(`! topic ${line}`);
  if (drift.length > 0)
    print("  Change the topics with Kafka's own tools, or leave them as they are.");
  await attempt("lake", async () => {
    await openLakeForCommits(settings, clock, logger, life);
    return `${settings.LAKE_URL} takes conditional writes`;
  });
  return allWell;
}
