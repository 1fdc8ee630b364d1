import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Clock,
  Failure,
  isFailure,
  type Logger,
  type TicketSource,
} from "@thulium-stream/contracts";
import type { Lifetime, Settings } from "@thulium-stream/runtime";
import { createSandbox, serveSandbox } from "@thulium-stream/sandbox";
import { createThuliumSource } from "@thulium-stream/thulium-api";

/** The source, and where it is. */
export interface OpenedSource {
  readonly source: TicketSource;
  readonly url: string;
}

/** Credentials of the built-in sandbox: it listens on loopback only. */
const sandboxLogin = { user: "sandbox", password: "sandbox" };

/**
 * Opens the source that the settings name: the help desk, or the built-in sandbox. One request proves address and credentials.
 * @param standStill the sandbox's population does not live on while this process runs.
 * @throws Failure `InvalidSettings`, `Unauthenticated` or `Forbidden` with advice.
 */
export async function openSource(
  settings: Settings,
  { clock, logger, standStill }: { clock: Clock; logger: Logger; standStill: boolean },
  life: Lifetime,
): Promise<OpenedSource> {
  const { source: wanted, system, THULIUM_TIME_ZONE: zone } = settings;
  const place =
    wanted.kind === "thulium"
      ? wanted
      : {
          ...sandboxLogin,
          url: await openSandbox(settings, { clock, logger, standStill, port: 0 }, life),
        };
  const source = life.own(
    "source",
    createThuliumSource({ ...place, system, zone, clock, logger }),
    (closing) => closing.close(),
  );
  await prove(source, place.url);
  return { source, url: place.url };
}

/** Starts the sandbox on loopback; its history goes on where STATE_DIR says it began. Returns its address. */
export async function openSandbox(
  settings: Settings,
  {
    clock,
    logger,
    standStill,
    port,
    host = "127.0.0.1",
  }: { clock: Clock; logger: Logger; standStill: boolean; port: number; host?: string },
  life: Lifetime,
): Promise<string> {
  const made = {
    seed: String(settings.SANDBOX_SEED),
    tickets: settings.SANDBOX_TICKETS,
    changesPerHour: settings.SANDBOX_CHANGES_PER_HOUR,
  };
  const startMs = keptStart(join(settings.STATE_DIR, "sandbox.json"), made, clock.now());
  const sandbox = createSandbox({
    ...made,
    startMs,
    nowMs: clock.now(),
    standStill,
    switches: settings.SANDBOX_SWITCHES,
    ...sandboxLogin,
  });
  const server = await serveSandbox({ sandbox, host, port, logger, clock });
  life.own("sandbox", server, (closing) => closing.close());
  return server.url;
}

/** The instant at which this folder's sandbox began. Another population under the same log would look like mass deletion. */
function keptStart(file: string, made: object, nowMs: number): number {
  if (!existsSync(file)) {
    writeFileSync(file, JSON.stringify({ startMs: nowMs, ...made }));
    return nowMs;
  }
  const { startMs, ...kept } = JSON.parse(readFileSync(file, "utf8")) as { startMs: number };
  if (JSON.stringify(kept) !== JSON.stringify(made))
    throw new Failure(
      "InvalidSettings",
      `SANDBOX_* settings make another population (${JSON.stringify(made)}) than the one kept in ${file} (${JSON.stringify(kept)}). Set them back, or remove the sandbox's data folder to begin anew.`,
    );
  return startMs;
}

async function prove(source: TicketSource, url: string): Promise<void> {
  try {
    await source.listTickets({ orderBy: "update_date", offset: 0, limit: 1 });
  } catch (error) {
    if (!isFailure(error, "Unavailable", "TimedOut", "InvalidResponse", "Rejected")) throw error;
    throw new Failure(
      "InvalidSettings",
      `THULIUM_URL=${url} does not answer as a Thulium API: ${error.message}`,
      {
        cause: error,
        advice:
          "Check the address in a browser: it is that of the help desk's web page, without a path.",
      },
    );
  }
}
