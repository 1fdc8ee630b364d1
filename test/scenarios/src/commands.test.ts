import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { TaskState } from "@thulium-stream/contracts";
import { realServers } from "@thulium-stream/kit/real-servers";
import { systemClock } from "@thulium-stream/runtime";
import { describe, expect, it } from "vitest";
import { Deployment } from "./pipeline-process.ts";
import { openHelpDesk } from "./truth.ts";

const { kafkaBrokers } = realServers();

/** What operators tell a pipeline that runs as another process, and what they see of it. */
async function operate(env: Readonly<Record<string, string>>): Promise<void> {
  // Changes of fields move no stamp here: only a complete comparison finds them.
  const desk = await openHelpDesk(1200, { switches: "touch_on=messages_only" });
  const fast = { POLL_INTERVAL: "500ms", SETTLE_DELAY: "1s", LAKE_FLUSH_INTERVAL: "1s" };
  const deployment = new Deployment({ ...desk.env, ...fast, REQUESTS_PER_SECOND: "20", ...env });
  try {
    const { process: pipeline, ended } = deployment.start(["run"]);
    const tasks = async () =>
      JSON.parse(await deployment.succeed(["backfill", "status", "--json"])) as TaskState[];
    const firstIsDone = async () =>
      (await tasks()).some(({ task_id, state }) => task_id === "first" && state === "done");
    for (let tries = 0; !(await firstIsDone()); tries += 1) {
      expect(pipeline.exitCode === null ? "" : (await ended).stderr).toBe("");
      expect(tries, JSON.stringify(await tasks())).toBeLessThan(240);
      await systemClock.sleep(500);
    }
    expect(await deployment.succeed(["backfill", "--estimate"])).toMatch(
      /^1[ \u202f]?\d{3} tickets, at least 1\d requests, about 1 s at 20 requests a second$/m,
    );
    expect(
      await deployment.succeed(["backfill", "--from", "2020-01-01", "--queue", "999"]),
    ).toMatch(/^backfill-\w{6}: done, 0 tickets read; no ticket of this range is in queue 999$/m);
    const ids = [...desk.sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
    desk.sandbox.advanceTo(systemClock.now());
    desk.sandbox.mutate({ kind: "delete", ticketId: ids[100] ?? 0 });
    expect(await deployment.succeed(["census"])).toMatch(/: done; 1 deleted, 0 merged$/m);
    desk.sandbox.mutate({ kind: "subject", ticketId: ids[200] ?? 0, subject: "po cichu" });
    const found = await deployment.run(["verify"]);
    expect([found.code, found.stdout]).toEqual([
      3,
      expect.stringContaining(`ticket ${ids[200]}: stale in the log`),
    ]);
    const repaired = await deployment.run(["verify", "--repair"]);
    expect(repaired.code, repaired.stdout + repaired.stderr).toBe(0);
    expect(await deployment.succeed(["status"])).toContain("extractor: running");
    expect(pipeline.exitCode).toBe(null);
    pipeline.kill("SIGTERM");
    await once(pipeline, "exit");
    const waiting = deployment.start(["backfill", "--from", "2020-01-01"]);
    if (env["EVENT_LOG_URL"] === undefined) expect((await waiting.ended).code).toBe(0);
    else {
      // The log is elsewhere: the command waits there for an extractor, and says so.
      let told = "";
      waiting.process.stderr?.on("data", (chunk: Buffer) => {
        told += chunk;
      });
      await expect.poll(() => told, { timeout: 120_000 }).toContain("it will begin when one does");
      waiting.process.kill("SIGINT");
      expect((await waiting.ended).code).toBe(130);
      await deployment.succeed(["run", "--once"]);
    }
    expect((await tasks()).map(({ state }) => state)).not.toContain("waiting");
  } finally {
    await desk.server.close();
    deployment.dispose();
  }
}

describe("commands reach a pipeline that runs as another process", () => {
  it("through an embedded log", () => operate({}));

  it.skipIf(kafkaBrokers === null)("through a real Kafka broker", () =>
    operate({
      EVENT_LOG_URL: `kafka://${kafkaBrokers?.join(",")}`,
      TOPIC_PREFIX: `commands-${randomUUID().slice(0, 8)}.`,
    }),
  );
});
