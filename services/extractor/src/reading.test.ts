import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, type TicketPage, topics } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { holding, ScriptedSource, seededRandom, VirtualClock } from "@thulium-stream/kit";
import { createWallClock } from "@thulium-stream/thulium-api/pure";
import { expect, it } from "vitest";
import { Asker } from "./asker.ts";
import { RequestBudget } from "./budget.ts";
import { withDefaults } from "./extractor-options.ts";
import { Publisher } from "./publisher.ts";
import { type ReadingDeps, readAndPublish } from "./reading.ts";
import { TicketIndex } from "./ticket-index.ts";

const never = new AbortController().signal;
const minute = "2026-11-23 09:00";

it("E2: of two answers that overlapped and differ neither is believed to be newer: the ticket is read again before the reading ends", async () => {
  const folder = mkdtempSync(join(tmpdir(), "reading-"));
  const clock = new VirtualClock("2026-11-23T12:00:00.000Z");
  const source = new ScriptedSource(clock, seededRandom(1));
  // Changes that move no stamp: no sweep would ever look for them.
  const put = (subject: string) =>
    source.put({ ticket_id: "7", subject, created_at_raw: minute, updated_at_raw: minute });
  const common = { clock, logger: silentLogger, newId: () => "id", random: () => 0.5 };
  const log = await openEmbeddedLog({ folder: join(folder, "log"), ...common });
  await log.ensureTopics(topics);
  const settings = withDefaults({ system: "acme", zone: "Europe/Warsaw" });
  const index = TicketIndex.open(join(folder, "index"), "acme", settings);
  const publisher = await Publisher.open({ ...common, log: holding(log, clock), index }, settings);
  const budget = new RequestBudget({ clock, requestsPerSecond: 100 });
  /** The first answer shows what was there when it was asked for, and arrives before the second, which was asked for meanwhile. */
  const answered: TicketPage[] = [];
  const slowly: Pick<ScriptedSource, "listTickets"> = {
    listTickets: async (request, signal) => {
      const page = await source.listTickets(request, signal);
      answered.push(page);
      if (answered.length === 1) {
        put("second");
        await clock.sleep(1000);
      } else if (answered.length === 2) await clock.sleep(2000);
      return { ...page, answeredBefore: answered.length + 1 };
    },
  };
  const deps: ReadingDeps = {
    asker: new Asker({ ...common, source: Object.assign(Object.create(source), slowly), budget }),
    publisher,
    settings,
    wallClock: createWallClock("Europe/Warsaw"),
    nowMs: () => clock.now(),
  };
  const reading = {
    window: { by: "create_date", bounds: { from: minute, to: minute } },
    lane: "reread",
    origin: "reread",
  } as const;
  put("first");
  await Promise.all([readAndPublish(deps, reading, never), readAndPublish(deps, reading, never)]);
  expect(answered).toHaveLength(3);
  expect(index.get("7")?.subject).toBe("second");
  await publisher.close();
  await index.close();
  await log.close();
  rmSync(folder, { recursive: true });
});
