import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, type EventLog, Failure, silentLogger } from "@thulium-stream/contracts";
import { eventLogConformance } from "@thulium-stream/kit/conformance";
import { openEmbeddedLog } from "./embedded-log.ts";

let ids = 0;
const newId = () => {
  ids += 1;
  return `member-${ids}`;
};

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new Failure("Cancelled", "cancelled"));
      });
    }),
};

eventLogConformance("embedded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  const opened: EventLog[] = [];
  const reopen = async () => {
    const log = await openEmbeddedLog({ folder, clock, logger: silentLogger, newId });
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
