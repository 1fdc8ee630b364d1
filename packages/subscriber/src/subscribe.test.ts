import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EventLog, silentLogger } from "@thulium-stream/contracts";
import { openEmbeddedLog } from "@thulium-stream/event-log/embedded";
import { systemClock } from "@thulium-stream/runtime";
import { subscriberSuite } from "./subscriber-suite.ts";

subscriberSuite("embedded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "subscriber-"));
  const opened: EventLog[] = [];
  const reopen = async () => {
    const log = await openEmbeddedLog({
      folder,
      clock: systemClock,
      logger: silentLogger,
      newId: randomUUID,
    });
    opened.push(log);
    return log;
  };
  return {
    log: await reopen(),
    reopen,
    dispose: async () => {
      for (const log of opened) await log.close();
      rmSync(folder, { recursive: true });
    },
  };
});
